-- For every queue how many jobs are ready (none where it is paused or cools down), counting no further than the limit, and
-- its cap; then whether a queue cools down, when the next job is due, when the next waiting one expires, when the next
-- schedule fires (long ago: one has no time yet), whether operators want something of a host, and whether places of limits
-- may be given out. One statement, asked twice a second by every host where anything changes.
SELECT name, CASE WHEN paused OR throttled_until > ?4 THEN 0 ELSE
                  (SELECT count(*) FROM (SELECT 1 FROM job WHERE gate = 0 AND queue = name LIMIT ?1)) END,
       max_workers, NULL, NULL, NULL, NULL, NULL
FROM queue
UNION ALL
SELECT EXISTS (SELECT 1 FROM queue WHERE throttled_until > ?4), 0, NULL,
       (SELECT min(scheduled_at) FROM job WHERE gate = 1),
       (SELECT min(expires_at) FROM job WHERE expires_at IS NOT NULL AND gate IS NOT NULL),
       (SELECT min(coalesce(next_fire_at, 0)) FROM schedule WHERE enabled),
       EXISTS (SELECT 1 FROM job WHERE status = 'in_progress' AND cancel_requested_at IS NOT NULL)
       OR EXISTS (SELECT 1 FROM request WHERE host_id = ?2 AND answer IS NULL AND asked_at > ?3),
       EXISTS (SELECT 1 FROM admission) OR EXISTS (
           SELECT 1 FROM kind
           WHERE metered AND EXISTS (SELECT 1 FROM job WHERE gate = 5 AND job.kind = kind.name))
