-- How many jobs of a queue wait for the time of their next attempt, and whether some do that were put off for a short time.
SELECT (SELECT count(*) FROM forge_jobs.job WHERE gate = 1 AND status = 'failed' AND queue = $1)
       + EXISTS (SELECT 1 FROM forge_jobs.job
                 WHERE gate = 1 AND scheduled_at < $2 AND queue = $1 AND status = 'pending'
                   AND started_at IS NOT NULL)::integer
