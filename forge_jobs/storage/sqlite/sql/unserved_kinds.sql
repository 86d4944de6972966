-- How many jobs of each kind are set aside because no live worker knows the kind.
SELECT queue, kind, count(*) FROM job WHERE gate = 4 GROUP BY queue, kind
