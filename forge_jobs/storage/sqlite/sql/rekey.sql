-- Gives a job that waits another concurrency key; a place that it had is free.
UPDATE job
SET limit_key = ?2, holds_key = NULL,
    gate = CASE WHEN gate <> 1 THEN CASE ?2 WHEN '' THEN 5 ELSE 2 END ELSE gate END
WHERE seq = ?1 AND gate IS NOT NULL
