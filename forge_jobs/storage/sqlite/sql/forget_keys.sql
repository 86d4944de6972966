-- Takes jobs that wait for places out of their kind's limits: whoever would claim them puts them under the new ones.
UPDATE job SET gate = 0, limit_key = NULL, holds_key = NULL
WHERE seq IN (SELECT seq FROM job WHERE gate IN (2, 5) AND kind = ?1 AND limit_key IS NOT NULL LIMIT ?2)
RETURNING seq
