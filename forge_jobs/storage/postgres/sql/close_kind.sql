-- Takes the ready jobs of a kind that has no tokens out of the claims' way.
UPDATE forge_jobs.job SET gate = 5
WHERE seq = ANY (ARRAY(
    SELECT seq FROM forge_jobs.job
    WHERE kind = $1 AND gate = 0 AND limit_key IS NOT NULL AND (gate = 0 OR status = 'in_progress')
    FOR UPDATE SKIP LOCKED))
