-- Takes their keys' places from jobs that wait for one of their kind.
UPDATE forge_jobs.job SET gate = 2, holds_key = NULL
WHERE seq = ANY (ARRAY(SELECT seq FROM forge_jobs.job WHERE gate = 5 AND kind = $1 AND limit_key <> '' LIMIT $2 FOR UPDATE SKIP LOCKED))
RETURNING seq
