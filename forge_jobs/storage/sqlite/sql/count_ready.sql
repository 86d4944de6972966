-- Ready jobs by queue and status; reads the ready index alone.
SELECT queue, status, count(*) FROM job WHERE gate = 0 GROUP BY queue, status
