-- Ends a job of whose row no program can make anything; what a hand wrote where it does not belong becomes nothing.
UPDATE OR IGNORE job
SET status = 'dead', gate = NULL, holds_key = NULL, finished_at = ?1, attempts = 0, crashes = 0, throttles = 0,
    id = CASE WHEN typeof(id) = 'blob' AND length(id) = 16 THEN id ELSE ?2 END,
    queue = CASE WHEN typeof(queue) = 'text' AND utf8(CAST(queue AS BLOB)) THEN queue ELSE 'default' END,
    kind = CASE WHEN typeof(kind) = 'text' AND utf8(CAST(kind AS BLOB)) THEN kind ELSE 'damaged' END,
    priority = CASE typeof(priority) WHEN 'integer' THEN priority ELSE 0 END,
    max_attempts = CASE WHEN typeof(max_attempts) = 'integer' AND max_attempts > 0 THEN max_attempts ELSE 1 END,
    scheduled_at = ?1, enqueued_at = ?1, unique_key = NULL, process_id = NULL, claim_no = NULL, started_at = NULL,
    cancel_requested_at = NULL, time_limit = NULL, expires_at = NULL, cpu_time = NULL, peak_memory = NULL, limit_key = NULL,
    trace = NULL
WHERE seq = ?3 RETURNING id, queue, kind
