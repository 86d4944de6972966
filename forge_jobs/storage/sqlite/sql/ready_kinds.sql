-- How many jobs of each kind are among the first in line of a queue.
SELECT kind, count(*)
FROM (SELECT kind FROM job WHERE gate = 0 AND queue = ?1 ORDER BY priority, scheduled_at, seq LIMIT ?2)
GROUP BY kind
