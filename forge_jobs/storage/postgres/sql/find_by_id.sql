-- The jobs named that match, newest first, before a cursor; without large payloads and results.
SELECT seq, id, queue, kind, status, gate, priority, attempts, max_attempts, enqueued_at, scheduled_at, started_at,
       finished_at, cancel_requested_at, unique_key, process_id, claim_no, time_limit, expires_at, cpu_time, peak_memory,
       CASE WHEN octet_length(payload::text) <= 1024 THEN payload END, CASE WHEN octet_length(result::text) <= 1024 THEN result END,
       limit_key, throttles, trace
FROM forge_jobs.job
WHERE id = ANY($8::uuid[])
  AND seq < $1 AND ($2::text[] IS NULL OR status = ANY($2::text[])) AND ($3::text IS NULL OR queue = $3)
  AND ($4::text IS NULL OR kind = $4) AND ($6::timestamptz IS NULL OR coalesce(finished_at, enqueued_at) < $6)
  AND ($5::text IS NULL OR strpos((SELECT entry ->> 'message' FROM forge_jobs.job_error
                                   WHERE job_error.seq = job.seq ORDER BY no DESC LIMIT 1), $5) > 0)
ORDER BY seq DESC
LIMIT $7
