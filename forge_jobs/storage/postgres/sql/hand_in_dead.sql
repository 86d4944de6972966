-- Records the end of a job that failed for good, or was stopped before it started: only of the claim that is named.
UPDATE forge_jobs.job
SET status = 'dead', attempts = attempts - $1, crashes = $2, started_at = $3, finished_at = $4, cpu_time = $5,
    peak_memory = $6, cancel_requested_at = NULL, holds_key = NULL
WHERE seq = $7 AND (process_id = $8 AND claim_no = $9 AND status = 'in_progress') IS TRUE
