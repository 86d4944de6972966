-- Takes ready jobs of a kind that nobody knows out of the claim's way.
UPDATE forge_jobs.job SET gate = 4, holds_key = NULL
WHERE seq = ANY (ARRAY(
    SELECT seq FROM forge_jobs.job WHERE gate = 0 AND queue = $1 AND kind = $2 LIMIT $3 FOR UPDATE SKIP LOCKED))
RETURNING kind, limit_key
