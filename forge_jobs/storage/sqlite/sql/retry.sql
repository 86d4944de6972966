-- Gives a job that failed a fresh budget, unless a live job holds its unique key. Whoever wants it although it is too
-- late wants it without that limit.
UPDATE OR IGNORE job
SET status = 'pending', attempts = 0, crashes = 0, throttles = 0, scheduled_at = ?1, finished_at = NULL,
    gate = CASE WHEN limit_key IS NULL THEN 0 WHEN limit_key = '' OR holds_key = 1 THEN 5 ELSE 2 END,
    cancel_requested_at = NULL, expires_at = CASE WHEN expires_at > ?1 THEN expires_at END
WHERE seq = ?2 AND status IN ('failed', 'dead')
