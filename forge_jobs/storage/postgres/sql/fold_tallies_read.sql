-- Takes tallies out, at most so many, and gives their sums; those of hosts that are gone become nobody's.
WITH taken AS (
    DELETE FROM forge_jobs.tally
    WHERE no = ANY (ARRAY(SELECT no FROM forge_jobs.tally ORDER BY no LIMIT $1 FOR UPDATE SKIP LOCKED))
    RETURNING host_id, queue, outcome, change
)
SELECT host.host_id, queue, outcome, greatest(least(sum(change), 9e18), -9e18)::bigint
FROM taken LEFT JOIN forge_jobs.host ON host.host_id = taken.host_id
GROUP BY host.host_id, queue, outcome
