-- Records a success as hand_in_done does, of a job of which nothing need be known.
UPDATE job
SET status = 'done', result = ?, crashes = 0, started_at = ?, finished_at = ?, cpu_time = ?,
    peak_memory = ?, cancel_requested_at = NULL, holds_key = NULL
WHERE seq = ? AND process_id = ? AND claim_no = ? AND status = 'in_progress'
