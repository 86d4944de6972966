-- The payload that stands beside a job's row.
SELECT CAST(payload AS BLOB) FROM job_body WHERE seq = ?
