-- Gives a job that waits another concurrency key; a place that it had is free.
UPDATE forge_jobs.job
SET limit_key = $2::text, holds_key = NULL,
    gate = CASE WHEN gate <> 1 THEN CASE $2::text WHEN '' THEN 5 ELSE 2 END ELSE gate END
WHERE seq = $1 AND gate IS NOT NULL
