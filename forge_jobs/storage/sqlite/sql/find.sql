-- Jobs that match, newest first, before a cursor; without the payloads and results that stand beside their rows.
SELECT seq, id, queue, kind, status, gate, priority, attempts, max_attempts, enqueued_at, scheduled_at, started_at,
       finished_at, cancel_requested_at, unique_key, process_id, claim_no, time_limit, expires_at, cpu_time, peak_memory,
       CAST(payload AS BLOB), CAST(result AS BLOB), limit_key, throttles, trace
FROM job
WHERE seq < ?1 AND (?2 IS NULL OR instr(?2, status) > 0) AND (?3 IS NULL OR queue = ?3)
  AND (?4 IS NULL OR kind = ?4) AND (?6 IS NULL OR coalesce(finished_at, enqueued_at) < ?6)
  AND (?5 IS NULL OR instr((SELECT entry ->> '$.message' FROM job_error
                            WHERE job_error.seq = job.seq ORDER BY no DESC LIMIT 1), ?5) > 0)
ORDER BY seq DESC
LIMIT ?7
