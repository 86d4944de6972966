-- Jobs of a kind that were enqueued before it had limits, and wait for their time.
SELECT seq, CAST(coalesce(payload, (SELECT payload FROM job_body WHERE job_body.seq = job.seq)) AS BLOB)
FROM job WHERE gate = 1 AND kind = ?1 AND limit_key IS NULL LIMIT ?2
