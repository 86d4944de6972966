-- The sums of all tallies; those of hosts that are gone become nobody's.
SELECT CASE WHEN host_id IN (SELECT host_id FROM host) THEN host_id END AS owner, queue, outcome, CAST(total(change) AS INTEGER)
FROM tally GROUP BY owner, queue, outcome
