-- Takes the ready jobs of a kind that has no tokens out of the claims' way.
UPDATE job SET gate = 5
WHERE kind = ? AND gate = 0 AND limit_key IS NOT NULL AND (gate = 0 OR status = 'in_progress')
