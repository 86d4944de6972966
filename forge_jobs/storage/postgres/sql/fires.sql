-- The newest fires of a schedule, newest first.
SELECT fire_at, outcome, job_id FROM forge_jobs.fire WHERE schedule = $1 ORDER BY fire_at DESC LIMIT $2
