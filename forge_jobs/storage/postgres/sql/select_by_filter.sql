-- Jobs that match, newest first, before a cursor.
SELECT seq, id, status, queue, attempts, kind, limit_key
FROM forge_jobs.job
WHERE seq < $1 AND ($2::text IS NULL OR status = $2) AND ($3::text IS NULL OR queue = $3)
  AND ($4::text IS NULL OR kind = $4)
ORDER BY seq DESC
LIMIT $5
