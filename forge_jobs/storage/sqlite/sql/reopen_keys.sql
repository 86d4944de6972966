-- Takes their keys' places from jobs that wait for one of their kind.
UPDATE job SET gate = 2, holds_key = NULL
WHERE seq IN (SELECT seq FROM job WHERE gate = 5 AND kind = ?1 AND limit_key <> '' LIMIT ?2)
RETURNING seq
