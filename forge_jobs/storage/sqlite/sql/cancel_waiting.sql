-- Ends a job that waits.
UPDATE job SET status = 'dead', gate = NULL, holds_key = NULL, finished_at = ?
WHERE seq = ? AND status IN ('pending', 'failed')
