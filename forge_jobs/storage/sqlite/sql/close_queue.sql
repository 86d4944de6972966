-- Takes their places from the ready jobs of a queue.
UPDATE job SET gate = 5 WHERE gate = 0 AND queue = ?1 AND limit_key IS NOT NULL
