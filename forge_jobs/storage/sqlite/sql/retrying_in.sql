-- How many jobs of a queue wait for the time of their next attempt.
SELECT count(*) FROM job WHERE gate = 1 AND status = 'failed' AND queue = ?
