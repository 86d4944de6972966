-- One job, whole.
SELECT seq, id, queue, kind, status, gate, priority, attempts, max_attempts, enqueued_at, scheduled_at, started_at,
       finished_at, cancel_requested_at, unique_key, process_id, claim_no, time_limit, expires_at, cpu_time, peak_memory,
       payload, result, limit_key, throttles, trace
FROM forge_jobs.job
WHERE id = $1::uuid
