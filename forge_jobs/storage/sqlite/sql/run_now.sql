-- Makes a job that waits for its time ready, or lets it wait for a place.
UPDATE job
SET gate = CASE WHEN limit_key IS NULL THEN 0 WHEN limit_key = '' OR holds_key = 1 THEN 5 ELSE 2 END,
    scheduled_at = min(scheduled_at, ?)
WHERE seq = ? AND gate = 1
