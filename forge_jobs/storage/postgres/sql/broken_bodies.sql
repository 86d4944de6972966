-- Jobs that are done without a result; that payloads are JSON, the column's type sees to.
SELECT id, 'is done and has no result' FROM forge_jobs.job
WHERE status = 'done' AND result IS NULL
LIMIT $1
