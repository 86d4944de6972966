-- Jobs of a kind that run, and are under its limits, with their keys. (An expression: what is ready is not to be read.)
SELECT seq, CAST(coalesce(payload, (SELECT payload FROM job_body WHERE job_body.seq = job.seq)) AS BLOB), limit_key
FROM job WHERE status = 'in_progress' AND kind = ? AND +limit_key IS NOT NULL
