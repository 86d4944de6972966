-- The payload that stands beside a job's row.
SELECT payload FROM job_body WHERE seq = ?
