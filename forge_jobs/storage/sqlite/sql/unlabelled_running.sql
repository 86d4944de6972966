-- Jobs of a kind that were claimed before it had limits.
SELECT seq, CAST(coalesce(payload, (SELECT payload FROM job_body WHERE job_body.seq = job.seq)) AS BLOB)
FROM job WHERE status = 'in_progress' AND kind = ?1 AND limit_key IS NULL LIMIT ?2
