-- For every queue how many jobs are ready (none where it is paused or cools down), counting no further than the limit, and
-- its cap; then, without a name, when the next job is due, when the next waiting one expires, when the next schedule fires
-- (long ago: one has no time yet), whether operators want something of a host, and whether places of limits may be given
-- out. One statement, asked twice a second by every host.
SELECT name, CASE WHEN paused OR throttled_until > $4 THEN 0 ELSE
                  (SELECT count(*) FROM (SELECT 1 FROM forge_jobs.job WHERE gate = 0 AND queue = name LIMIT $1) AS few) END,
       max_workers, NULL::timestamptz, NULL::timestamptz, NULL::timestamptz, NULL::boolean, NULL::boolean
FROM forge_jobs.queue
UNION ALL
SELECT NULL, 0, NULL, (SELECT min(scheduled_at) FROM forge_jobs.job WHERE gate = 1),
       (SELECT min(expires_at) FROM forge_jobs.job WHERE expires_at IS NOT NULL AND gate IS NOT NULL),
       (SELECT min(coalesce(next_fire_at, 'epoch')) FROM forge_jobs.schedule WHERE enabled),
       EXISTS (SELECT 1 FROM forge_jobs.job WHERE status = 'in_progress' AND cancel_requested_at IS NOT NULL)
       OR EXISTS (SELECT 1 FROM forge_jobs.request WHERE host_id = $2 AND answer IS NULL AND asked_at > $3),
       EXISTS (SELECT 1 FROM forge_jobs.admission) OR EXISTS (
           SELECT 1 FROM forge_jobs.kind
           WHERE metered AND (
               SELECT true FROM forge_jobs.job WHERE gate = 5 AND job.kind = kind.name
               ORDER BY priority, scheduled_at, seq LIMIT 1))
