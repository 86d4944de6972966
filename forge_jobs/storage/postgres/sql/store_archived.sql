-- Stores a job as it was in another database.
INSERT INTO forge_jobs.job (id, queue, kind, status, gate, priority, attempts, max_attempts, enqueued_at, scheduled_at,
                            started_at, finished_at, cancel_requested_at, unique_key, process_id, claim_no, time_limit,
                            expires_at, cpu_time, peak_memory, payload, result, crashes, limit_key, throttles,
                            trace, holds_key)
VALUES ($1::uuid, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21::json, $22::json, $23,
        $24, $25, $26, $27)
