-- How many jobs of each kind are set aside in each queue because no live worker knows the kind. (The last condition is that
-- of the index: without it SQLite would read the whole table.)
SELECT queue, kind, count(*) FROM job WHERE gate = 4 AND gate > 1 GROUP BY queue, kind
