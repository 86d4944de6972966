-- Jobs of a kind that were enqueued before it had limits, and wait for their time; nobody else has them meanwhile.
SELECT seq, payload FROM forge_jobs.job
WHERE seq = ANY (ARRAY(
    SELECT seq FROM forge_jobs.job WHERE gate = 1 AND kind = $1 AND limit_key IS NULL LIMIT $2 FOR UPDATE SKIP LOCKED))
