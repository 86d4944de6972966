-- How many jobs of each kind are set aside because no live worker knows the kind. (The second condition is that of
-- the index: without it SQLite would read the whole table.)
SELECT queue, kind, count(*) FROM forge_jobs.job WHERE gate = 4 AND gate > 1 GROUP BY queue, kind
