-- Records the end of a job that failed for good: only of the claim that is named.
UPDATE job
SET status = 'dead', crashes = ?, started_at = ?, finished_at = ?, cancel_requested_at = NULL
WHERE seq = ? AND process_id = ? AND claim_no = ? AND status = 'in_progress'
