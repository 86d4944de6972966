-- Ready jobs by queue and status; reads the ready index alone, in its order. (Grouping by status too would sort it.)
WITH ready AS MATERIALIZED (
    SELECT queue, count(*) AS jobs, sum(status = 'failed') AS failed FROM job WHERE gate = 0 GROUP BY queue
)
SELECT queue, 'pending', jobs - failed FROM ready WHERE jobs > failed
UNION ALL
SELECT queue, 'failed', failed FROM ready WHERE failed > 0
