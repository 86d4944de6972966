-- The oldest done jobs of a queue beyond so many. Counted and chosen as of one instant: whoever else removes some of them
-- at the same time leaves these fewer, and never gets others removed in their place.
SELECT seq FROM forge_jobs.job
WHERE status = 'done' AND seq = ANY (ARRAY(
    SELECT seq FROM forge_jobs.job WHERE status = 'done' AND queue = $1 ORDER BY finished_at, seq
    LIMIT greatest(least($3, (
        SELECT sum(change) FROM forge_jobs.tally WHERE queue = $1 AND outcome = 'done'
    ) - $2), 0)::bigint
))
FOR UPDATE SKIP LOCKED
