-- Records a success: only of the claim that is named. A later cancel changes nothing.
UPDATE job
SET status = 'done', result = ?, crashes = 0, started_at = ?, finished_at = ?, cpu_time = ?,
    peak_memory = ?, cancel_requested_at = NULL, holds_key = NULL
WHERE seq = ? AND process_id = ? AND claim_no = ? AND status = 'in_progress'
RETURNING seq, kind, limit_key, max(scheduled_at, enqueued_at)
