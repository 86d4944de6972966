-- Asks the worker that runs a job to stop it; the first request counts.
UPDATE job SET cancel_requested_at = coalesce(cancel_requested_at, ?) WHERE seq = ? AND status = 'in_progress'
