-- Removes old questions and their answers.
DELETE FROM forge_jobs.request WHERE asked_at < $1
