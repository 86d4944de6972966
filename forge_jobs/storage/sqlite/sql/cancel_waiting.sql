-- Ends a job that waits; gives its kind.
UPDATE job SET status = 'dead', gate = NULL, holds_key = NULL, finished_at = ?
WHERE seq = ? AND status IN ('pending', 'failed') RETURNING kind
