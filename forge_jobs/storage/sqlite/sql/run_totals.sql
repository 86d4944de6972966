-- How a host's attempts ended.
SELECT outcome, CAST(total(change) AS INTEGER) FROM tally WHERE host_id = ? AND outcome IN ('done', 'failed', 'dead') GROUP BY outcome
