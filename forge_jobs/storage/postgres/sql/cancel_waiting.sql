-- Ends a job that waits; gives its kind.
UPDATE forge_jobs.job SET status = 'dead', gate = NULL, holds_key = NULL, finished_at = $1
WHERE seq = $2 AND (status IN ('pending', 'failed')) IS TRUE RETURNING kind
