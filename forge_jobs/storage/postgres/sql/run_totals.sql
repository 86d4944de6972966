-- How a host's attempts ended.
SELECT outcome, sum(change)::bigint FROM forge_jobs.tally WHERE host_id = $1 GROUP BY outcome
