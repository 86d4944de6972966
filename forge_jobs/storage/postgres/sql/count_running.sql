-- Claimed jobs by queue.
SELECT queue, count(*) FROM forge_jobs.job WHERE status = 'in_progress' GROUP BY queue
