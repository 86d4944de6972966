-- For every queue how many jobs are ready, counting no further than the limit; and, without a name, when the next
-- job is due. One statement, asked twice a second by every host.
SELECT name, (SELECT count(*) FROM (SELECT 1 FROM job WHERE gate = 0 AND queue = name LIMIT ?)) FROM queue
UNION ALL
SELECT NULL, (SELECT min(scheduled_at) FROM job WHERE gate = 1)
