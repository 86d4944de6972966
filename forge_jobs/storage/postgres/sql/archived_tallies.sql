-- The numbers of ended jobs and of failed attempts, by queue and outcome.
SELECT queue, outcome, sum(change)::bigint FROM forge_jobs.tally GROUP BY queue, outcome ORDER BY queue, outcome
