-- How many ready jobs of a queue are before a place in line, counting no further than the limit.
SELECT count(*) FROM (
    SELECT 1 FROM job WHERE gate = 0 AND queue = ?1 AND (priority, scheduled_at, seq) < (?2, ?3, ?4) LIMIT ?5)
