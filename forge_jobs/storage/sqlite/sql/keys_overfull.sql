-- The keys of a kind of which more jobs have a place than there are, in their order, from behind one on.
SELECT limit_key FROM job WHERE kind = ?1 AND limit_key > ?3 AND holds_key = 1
GROUP BY limit_key HAVING count(*) > ?2 ORDER BY limit_key LIMIT ?4
