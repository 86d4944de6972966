-- The key of the first job whose id is that or a later one: ids begin with their time.
SELECT seq FROM job WHERE id >= ?1 ORDER BY id LIMIT 1
