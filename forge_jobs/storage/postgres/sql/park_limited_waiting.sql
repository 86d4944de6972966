-- Takes jobs of a kind with limits out of the others' way that wait for a place of their kind in a queue that nobody serves.
UPDATE forge_jobs.job SET gate = 4, holds_key = NULL
WHERE seq = ANY (ARRAY(
    SELECT seq FROM forge_jobs.job WHERE gate = 5 AND kind = $2 AND queue = $1 AND limit_key IS NOT NULL LIMIT $3
    FOR UPDATE SKIP LOCKED))
RETURNING kind, limit_key
