-- The next jobs that wait for their time, of any kind, in the order of the index, from behind a place in it on: the third
-- value says which are of one kind, and only these have their payloads.
SELECT seq,
       CASE WHEN kind = ?1 THEN CAST(coalesce(payload, (SELECT payload FROM job_body WHERE job_body.seq = job.seq)) AS BLOB) END,
       kind = ?1, limit_key, scheduled_at, queue, status
FROM job WHERE gate = 1 AND (scheduled_at, queue, status, seq) > (?2, ?3, ?4, ?5)
ORDER BY scheduled_at, queue, status, seq LIMIT ?6
