-- Jobs that wait for their time, by queue and status.
SELECT queue, status, count(*) FROM forge_jobs.job WHERE gate = 1 GROUP BY queue, status
