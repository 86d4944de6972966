-- Jobs, whole, in the order in which they were stored, after a key.
SELECT job.seq, id, queue, kind, status, gate, priority, attempts, max_attempts, enqueued_at, scheduled_at, started_at,
       finished_at, cancel_requested_at, unique_key, process_id, claim_no, time_limit, expires_at, cpu_time, peak_memory,
       CAST(coalesce(job.payload, job_body.payload) AS BLOB), CAST(coalesce(job.result, job_body.result) AS BLOB), limit_key,
       throttles, trace, crashes, holds_key
FROM job LEFT JOIN job_body ON job_body.seq = job.seq
WHERE job.seq > ? ORDER BY job.seq LIMIT ?
