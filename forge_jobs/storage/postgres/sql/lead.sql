-- Takes or renews the leader's lease unless another living host's still runs, by the server's clock.
INSERT INTO forge_jobs.leader (one, holder, term, until) VALUES (1, $1, 1, $2)
ON CONFLICT (one) DO UPDATE
SET term = leader.term % 9223372036854775807 + (leader.holder <> $1)::int, holder = $1, until = $2
WHERE leader.holder = $1 OR leader.until <= $3
   OR leader.holder NOT IN (SELECT host_id FROM forge_jobs.host WHERE NOT dead)
RETURNING holder
