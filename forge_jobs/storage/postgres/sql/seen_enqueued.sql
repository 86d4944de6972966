-- Jobs that were stored after a key, for those who follow what happens.
SELECT seq, id, kind, queue, attempts, enqueued_at, NULL, scheduled_at, NULL, NULL, NULL
FROM forge_jobs.job WHERE seq > $1 ORDER BY seq LIMIT $2
