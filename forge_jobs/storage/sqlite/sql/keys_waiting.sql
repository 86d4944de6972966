-- The keys of a kind for which jobs wait.
SELECT DISTINCT limit_key FROM job WHERE gate = 2 AND kind = ?
