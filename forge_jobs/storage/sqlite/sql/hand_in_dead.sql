-- Records the end of a job that failed for good, or was stopped before it started: only of the claim that is named.
UPDATE job
SET status = 'dead', attempts = attempts - ?, crashes = ?, started_at = ?, finished_at = ?, cpu_time = ?,
    peak_memory = ?, cancel_requested_at = NULL, holds_key = NULL
WHERE seq = ? AND process_id = ? AND claim_no = ? AND status = 'in_progress'
