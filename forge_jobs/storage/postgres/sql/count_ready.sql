-- Ready jobs by queue and status; reads the ready index alone.
SELECT queue, status, count(*) FROM forge_jobs.job WHERE gate = 0 GROUP BY queue, status
