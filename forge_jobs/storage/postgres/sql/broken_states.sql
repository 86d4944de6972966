-- Jobs in a state to which nothing leads, see docs/states.md: what they have, or lack, is another state's.
SELECT id, how
FROM (
    SELECT id, CASE
        WHEN (status IN ('pending', 'in_progress', 'failed', 'done', 'dead')) IS NOT TRUE THEN 'has a status that is none'
        WHEN gate IS NULL AND status IN ('pending', 'failed') THEN 'is ' || status || ' and stands at no gate'
        WHEN gate IS NOT NULL AND status NOT IN ('pending', 'failed') THEN 'is ' || status || ' and stands at a gate'
        WHEN gate NOT BETWEEN 0 AND 5 THEN 'stands at gate ' || gate || ', which there is not'
        WHEN finished_at IS NULL AND status IN ('done', 'dead') THEN 'is ' || status || ' and has not ended'
        WHEN finished_at IS NOT NULL AND status NOT IN ('done', 'dead') THEN 'is ' || status || ' and has ended'
        WHEN status = 'in_progress' AND (process_id IS NULL OR claim_no IS NULL) THEN 'is claimed by nobody'
        WHEN cancel_requested_at IS NOT NULL AND status <> 'in_progress' THEN 'is ' || status || ' and is to be cancelled'
        WHEN status <> 'done' AND result IS NOT NULL THEN 'is ' || status || ' and has a result'
        WHEN status IN ('done', 'dead') AND holds_key THEN 'is ' || status || ' and has a place of a key'
    END AS how
    FROM forge_jobs.job
) AS states
WHERE how IS NOT NULL
LIMIT $1
