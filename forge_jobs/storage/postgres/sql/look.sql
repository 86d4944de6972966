-- For every queue that is not paused how many jobs are ready, counting no further than the limit; and, without a name,
-- when the next job is due. One statement, asked twice a second by every host.
SELECT name, (SELECT count(*) FROM (SELECT 1 FROM forge_jobs.job WHERE gate = 0 AND queue = name LIMIT $1) AS few),
       NULL::timestamptz
FROM forge_jobs.queue WHERE NOT paused
UNION ALL
SELECT NULL, 0, (SELECT min(scheduled_at) FROM forge_jobs.job WHERE gate = 1)
