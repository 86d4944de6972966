-- Removes gauges before an instant, at most so many.
DELETE FROM forge_jobs.gauge WHERE (minute, host_id) IN (
    SELECT minute, host_id FROM forge_jobs.gauge WHERE minute < $1 ORDER BY minute LIMIT $2)
