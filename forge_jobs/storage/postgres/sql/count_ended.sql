-- Finished jobs by queue and outcome, from the tallies: history is not read.
SELECT queue, outcome, greatest(least(sum(change), 9e18), -9e18)::bigint FROM forge_jobs.tally WHERE outcome IN ('done', 'dead') GROUP BY queue, outcome
