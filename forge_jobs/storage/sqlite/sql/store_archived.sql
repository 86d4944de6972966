-- Stores a job as it was in another database; large payloads and results are put beside it afterwards.
INSERT INTO job (id, queue, kind, status, gate, priority, attempts, max_attempts, enqueued_at, scheduled_at, started_at,
                 finished_at, cancel_requested_at, unique_key, process_id, claim_no, time_limit, expires_at, cpu_time,
                 peak_memory, payload, result, crashes, limit_key, throttles, trace, holds_key)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
RETURNING seq
