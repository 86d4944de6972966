-- Takes so many jobs out of their kind's limits that are ready, or wait for a place, or for a worker that knows them:
-- whoever would claim them puts them under the new ones.
UPDATE job SET gate = CASE gate WHEN 4 THEN 4 ELSE 0 END, limit_key = NULL, holds_key = NULL
WHERE seq IN (
    SELECT seq FROM job
    WHERE gate = 0 AND kind = ?1 AND limit_key IS NOT NULL AND (gate = 0 OR status = 'in_progress')
    UNION ALL SELECT seq FROM job WHERE gate = 2 AND kind = ?1 AND limit_key IS NOT NULL
    UNION ALL SELECT seq FROM job WHERE gate = 5 AND kind = ?1 AND limit_key IS NOT NULL
    UNION ALL SELECT seq FROM job WHERE gate = 4 AND gate > 1 AND kind = ?1 AND limit_key IS NOT NULL
    LIMIT ?2)
RETURNING seq
