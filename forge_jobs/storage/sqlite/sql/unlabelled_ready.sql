-- Jobs of a kind that were enqueued before it had limits, and are ready.
SELECT seq, CAST(coalesce(payload, (SELECT payload FROM job_body WHERE job_body.seq = job.seq)) AS BLOB)
FROM job WHERE gate = 0 AND kind = ?1 AND limit_key IS NULL LIMIT ?2
