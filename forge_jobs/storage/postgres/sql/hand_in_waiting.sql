-- Records an attempt that failed and will be repeated, or gives a job back (without a new time: in its old place in
-- line): only of the claim that is named.
UPDATE forge_jobs.job
SET status = $1, gate = $2, scheduled_at = coalesce($3::timestamptz, scheduled_at), attempts = attempts - $4, crashes = $5,
    started_at = $6, cpu_time = coalesce($7, cpu_time), peak_memory = coalesce($8, peak_memory), cancel_requested_at = NULL
WHERE seq = $9 AND (process_id = $10 AND claim_no = $11 AND status = 'in_progress') IS TRUE
