-- Makes a job that waits for its time ready, or lets it wait for a place.
UPDATE forge_jobs.job
SET gate = CASE WHEN limit_key IS NULL THEN 0 WHEN limit_key = '' OR holds_key THEN 5 ELSE 2 END,
    scheduled_at = least(scheduled_at, $1)
WHERE seq = $2 AND (gate = 1) IS TRUE
