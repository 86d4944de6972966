-- Jobs that match by id, locked in the order in which everybody locks, so that no two wait for each other.
SELECT seq, id, status, queue, attempts, kind, limit_key
FROM forge_jobs.job
WHERE id = ANY($6::uuid[]) AND seq < $1 AND ($2::text IS NULL OR status = $2) AND ($3::text IS NULL OR queue = $3)
  AND ($4::text IS NULL OR kind = $4)
ORDER BY seq
LIMIT $5
FOR UPDATE
