-- The time of the first job in line of a queue that has waited longest within its priority.
SELECT min(scheduled_at) FROM (
    SELECT scheduled_at FROM forge_jobs.job WHERE gate = 0 AND queue = $1 ORDER BY priority, scheduled_at, seq LIMIT 1
) AS first
