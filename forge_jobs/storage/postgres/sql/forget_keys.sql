-- Takes jobs that wait for places out of their kind's limits: whoever would claim them puts them under the new ones.
UPDATE forge_jobs.job SET gate = 0, limit_key = NULL, holds_key = NULL
WHERE seq = ANY (ARRAY(
    SELECT seq FROM forge_jobs.job WHERE gate IN (2, 5) AND kind = $1 AND limit_key IS NOT NULL LIMIT $2
    FOR UPDATE SKIP LOCKED))
RETURNING seq
