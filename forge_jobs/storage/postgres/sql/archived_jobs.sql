-- Jobs, whole, in the order in which they were stored, after a key.
SELECT seq, id, queue, kind, status, gate, priority, attempts, max_attempts, enqueued_at, scheduled_at, started_at,
       finished_at, cancel_requested_at, unique_key, process_id, claim_no, time_limit, expires_at, cpu_time, peak_memory,
       payload, result, limit_key, throttles, trace, crashes, holds_key
FROM forge_jobs.job
WHERE seq > $1 ORDER BY seq LIMIT $2
