-- How a host's attempts ended.
SELECT outcome, sum(change) FROM tally WHERE host_id = ? GROUP BY outcome
