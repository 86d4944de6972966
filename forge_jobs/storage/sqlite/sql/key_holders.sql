-- The jobs that have the places of a concurrency key, the longest stored first.
SELECT id FROM job WHERE kind = ?1 AND limit_key = ?2 AND holds_key = 1 ORDER BY seq LIMIT ?3
