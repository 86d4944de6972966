-- How many jobs of each kind are ready in each queue, and how many are set aside because no live worker knows the kind.
-- (The last condition is that of the index: without it the server would read the whole table.)
SELECT queue, kind, false, count(*) FROM forge_jobs.job WHERE gate = 0 GROUP BY queue, kind
UNION ALL
SELECT queue, kind, true, count(*) FROM forge_jobs.job WHERE gate = 4 AND gate > 1 GROUP BY queue, kind
