-- Takes the places of a kind from so many ready jobs that are last in line; those that are claimed just now keep them.
UPDATE forge_jobs.job SET gate = 5
WHERE seq = ANY (ARRAY(
    SELECT seq FROM forge_jobs.job
    WHERE kind = $1 AND gate = 0 AND limit_key IS NOT NULL AND (gate = 0 OR status = 'in_progress')
    ORDER BY priority DESC, scheduled_at DESC, seq DESC LIMIT $2
    FOR UPDATE SKIP LOCKED))
