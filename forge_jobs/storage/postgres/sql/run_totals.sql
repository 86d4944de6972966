-- How a host's attempts ended.
SELECT outcome, greatest(least(sum(change), 9e18), -9e18)::bigint FROM forge_jobs.tally WHERE host_id = $1 GROUP BY outcome
