-- Finished jobs by queue and outcome, from the tallies: history is not read.
SELECT queue, outcome, CAST(total(change) AS INTEGER) FROM tally WHERE outcome IN ('done', 'dead') GROUP BY queue, outcome
