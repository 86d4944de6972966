-- Keeps the newest lines of a job's error history.
DELETE FROM job_error WHERE seq = ?1 AND no <= (SELECT max(no) FROM job_error WHERE seq = ?1) - ?2
