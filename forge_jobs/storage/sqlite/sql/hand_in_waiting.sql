-- Records an attempt that failed and will be repeated, or gives a job back (without a new time: in its old place in
-- line): only of the claim that is named.
UPDATE job
SET status = ?, gate = ?, scheduled_at = coalesce(?, scheduled_at), attempts = attempts - ?, crashes = ?,
    started_at = ?, cpu_time = coalesce(?, cpu_time), peak_memory = coalesce(?, peak_memory), cancel_requested_at = NULL
WHERE seq = ? AND process_id = ? AND claim_no = ? AND status = 'in_progress'
