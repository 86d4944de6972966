-- Gives a job that failed a fresh budget, unless a live job holds its unique key.
UPDATE OR IGNORE job
SET status = 'pending', gate = 0, attempts = 0, crashes = 0, scheduled_at = ?, finished_at = NULL,
    cancel_requested_at = NULL
WHERE seq = ? AND status IN ('failed', 'dead')
