-- Jobs that run or have run and were never started, or have more attempts than they may and run.
SELECT id, status || ' with ' || attempts || ' of ' || max_attempts || ' attempts' FROM forge_jobs.job
WHERE (status IN ('in_progress', 'done', 'failed') AND attempts < 1) OR (status = 'failed' AND attempts >= max_attempts)
LIMIT $1
