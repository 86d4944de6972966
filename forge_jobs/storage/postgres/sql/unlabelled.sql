-- Jobs of a kind that were enqueued before it had limits, and wait at a gate; nobody else has them meanwhile.
SELECT seq, payload FROM forge_jobs.job
WHERE seq = ANY (ARRAY(
    SELECT seq FROM forge_jobs.job WHERE gate = $1 AND kind = $2 AND limit_key IS NULL LIMIT $3 FOR UPDATE SKIP LOCKED))
