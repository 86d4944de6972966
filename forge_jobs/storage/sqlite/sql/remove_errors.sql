-- Removes a job's error history.
DELETE FROM job_error WHERE seq = ?
