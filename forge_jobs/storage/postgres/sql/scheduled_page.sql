-- The next jobs that wait for their time, of any kind, in the order of the index, from behind a place in it on: the third
-- value says which are of one kind, and only these have their payloads; nobody else has them meanwhile.
WITH page AS MATERIALIZED (
    SELECT seq, kind, scheduled_at, queue, status FROM forge_jobs.job
    WHERE gate = 1 AND scheduled_at >= $2 AND (scheduled_at, queue, status, seq) > ($2, $3, $4, $5)
    ORDER BY scheduled_at, queue, status, seq LIMIT $6
), mine AS MATERIALIZED (
    SELECT seq, payload, limit_key FROM forge_jobs.job
    WHERE seq = ANY (ARRAY(SELECT seq FROM page WHERE kind = $1)) AND gate = 1
    FOR UPDATE SKIP LOCKED
)
SELECT page.seq, payload, mine.seq IS NOT NULL, limit_key, page.scheduled_at, page.queue, page.status
FROM page LEFT JOIN mine ON mine.seq = page.seq
ORDER BY page.scheduled_at, page.queue, page.status, page.seq
