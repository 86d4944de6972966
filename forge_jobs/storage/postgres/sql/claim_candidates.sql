-- The jobs in line, first one first; those that another claims just now are passed over.
SELECT seq, id, kind, attempts, max_attempts, crashes, payload, time_limit, expires_at, limit_key, throttles, trace,
       greatest(scheduled_at, enqueued_at)
FROM forge_jobs.job
WHERE gate = 0 AND queue = $1 AND kind = ANY($2::text[]) AND (expires_at IS NULL OR expires_at > $4)
ORDER BY priority, scheduled_at, seq
LIMIT $3
FOR UPDATE SKIP LOCKED
