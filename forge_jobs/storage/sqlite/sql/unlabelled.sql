-- Jobs of a kind that were enqueued before it had limits, and wait at a gate.
SELECT seq, CAST(coalesce(payload, (SELECT payload FROM job_body WHERE job_body.seq = job.seq)) AS BLOB)
FROM job WHERE gate = ?1 AND kind = ?2 AND limit_key IS NULL LIMIT ?3
