-- The queues in which jobs are ready. One step for each: to group all that is ready would take as long as that is.
WITH RECURSIVE ready (queue) AS (
    SELECT min(queue) FROM job WHERE gate = 0
    UNION ALL
    SELECT (SELECT min(queue) FROM job WHERE gate = 0 AND queue > ready.queue) FROM ready WHERE queue IS NOT NULL
)
SELECT queue FROM ready WHERE queue IS NOT NULL
