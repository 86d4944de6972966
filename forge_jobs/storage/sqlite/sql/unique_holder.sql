-- The live job that holds a unique key.
SELECT id FROM job
WHERE kind = ? AND unique_key = ? AND unique_key IS NOT NULL AND status IN ('pending', 'in_progress', 'failed')
