-- Removes what stood beside a job's row.
DELETE FROM job_body WHERE seq = ?
