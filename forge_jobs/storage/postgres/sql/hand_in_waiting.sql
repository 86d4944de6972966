-- Records an attempt that failed and will be repeated, or gives a job back (without a new time: in its old place in
-- line): only of the claim that is named. A job that is ready again has its places still; one that waits for its time
-- keeps the one of its key only where it is told to.
UPDATE forge_jobs.job
SET status = $1, gate = $2::int, scheduled_at = coalesce($3::timestamptz, scheduled_at), attempts = attempts - $4, crashes = $5,
    started_at = $6, cpu_time = coalesce($7, cpu_time), peak_memory = coalesce($8, peak_memory),
    throttles = least(throttles, 999999) + $9, holds_key = CASE WHEN $2::int = 0 OR $10 THEN holds_key END, cancel_requested_at = NULL
WHERE seq = $11 AND (process_id = $12 AND claim_no = $13 AND status = 'in_progress') IS TRUE
