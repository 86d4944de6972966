-- Jobs that match, newest first, before a cursor.
SELECT seq, id, status, queue, attempts, kind, limit_key
FROM forge_jobs.job
WHERE seq < $1 AND ($2::text[] IS NULL OR status = ANY($2::text[])) AND ($3::text IS NULL OR queue = $3)
  AND ($4::text IS NULL OR kind = $4) AND ($6::timestamptz IS NULL OR coalesce(finished_at, enqueued_at) < $6)
  AND ($5::text IS NULL OR strpos((SELECT entry ->> 'message' FROM forge_jobs.job_error
                                   WHERE job_error.seq = job.seq ORDER BY no DESC LIMIT 1), $5) > 0)
ORDER BY seq DESC
LIMIT $7
