-- How many of the next slice of jobs match, by status, newest first, before a cursor; then, without a status, how many
-- were read and the last one's key.
WITH slice AS MATERIALIZED (
    SELECT seq, status, queue, kind, enqueued_at, finished_at FROM forge_jobs.job WHERE seq < $1 ORDER BY seq DESC LIMIT $7
)
SELECT status, count(*), NULL::bigint FROM slice AS job
WHERE ($2::text[] IS NULL OR status = ANY($2::text[])) AND ($3::text IS NULL OR queue = $3)
  AND ($4::text IS NULL OR kind = $4) AND ($6::timestamptz IS NULL OR coalesce(finished_at, enqueued_at) < $6)
  AND ($5::text IS NULL OR strpos((SELECT entry ->> 'message' FROM forge_jobs.job_error
                                   WHERE job_error.seq = job.seq ORDER BY no DESC LIMIT 1), $5) > 0)
GROUP BY status
UNION ALL
SELECT NULL, count(*), min(seq) FROM slice
