-- How many jobs of a queue are ready, counting no further than the limit.
SELECT count(*) FROM (SELECT 1 FROM job WHERE gate = 0 AND queue = ? LIMIT ?)
