-- Takes so many ready jobs of a kind that has no tokens, or no places, out of the claims' way.
UPDATE forge_jobs.job SET gate = 5
WHERE seq = ANY (ARRAY(
    SELECT seq FROM forge_jobs.job
    WHERE kind = $1 AND gate = 0 AND limit_key IS NOT NULL AND (gate = 0 OR status = 'in_progress') LIMIT $2
    FOR UPDATE SKIP LOCKED))
