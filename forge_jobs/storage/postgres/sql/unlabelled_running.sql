-- Jobs of a kind that were claimed before it had limits; nobody else has them meanwhile.
SELECT seq, payload FROM forge_jobs.job
WHERE seq = ANY (ARRAY(
    SELECT seq FROM forge_jobs.job
    WHERE status = 'in_progress' AND kind = $1 AND limit_key IS NULL LIMIT $2 FOR UPDATE SKIP LOCKED))
