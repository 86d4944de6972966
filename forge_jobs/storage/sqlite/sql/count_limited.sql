-- How many places of a kind are taken, and how many of those by jobs that are ready and do not run.
SELECT count(*), count(gate) FROM job
WHERE kind = ? AND limit_key IS NOT NULL AND (gate = 0 OR status = 'in_progress')
