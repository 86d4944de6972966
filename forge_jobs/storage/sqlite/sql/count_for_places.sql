-- How many jobs of a kind wait for a place, counted no further than a limit.
SELECT count(*) FROM (
    SELECT 1 FROM job WHERE gate = 2 AND kind = ?1
    UNION ALL
    SELECT 1 FROM job WHERE gate = 5 AND kind = ?1
    LIMIT ?2) AS waiting
