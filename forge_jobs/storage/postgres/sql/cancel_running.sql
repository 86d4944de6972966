-- Asks the worker that runs a job to stop it; the first request counts.
UPDATE forge_jobs.job SET cancel_requested_at = coalesce(cancel_requested_at, $1)
WHERE seq = $2 AND (status = 'in_progress') IS TRUE
