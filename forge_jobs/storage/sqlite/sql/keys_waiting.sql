-- The keys of a kind for which jobs wait, in their order, from behind one on.
SELECT DISTINCT limit_key FROM job WHERE gate = 2 AND kind = ?1 AND limit_key > ?2 ORDER BY limit_key LIMIT ?3
