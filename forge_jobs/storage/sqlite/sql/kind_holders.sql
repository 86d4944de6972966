-- The jobs that have the places of a kind.
SELECT id FROM job
WHERE kind = ?1 AND limit_key IS NOT NULL AND (gate = 0 OR status = 'in_progress') ORDER BY seq LIMIT ?2
