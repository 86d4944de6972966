-- How many jobs of a queue are claimed.
SELECT count(*) FROM job WHERE status = 'in_progress' AND queue = ?
