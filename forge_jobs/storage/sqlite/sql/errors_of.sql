-- A job's error history, oldest line first.
SELECT entry FROM job_error WHERE seq = ? ORDER BY no
