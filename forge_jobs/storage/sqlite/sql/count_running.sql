-- Claimed jobs by queue.
SELECT queue, count(*) FROM job WHERE status = 'in_progress' GROUP BY queue
