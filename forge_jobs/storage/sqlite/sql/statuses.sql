-- The status of each of the jobs named.
SELECT id, status FROM job WHERE id IN (SELECT unhex(value) FROM json_each(?))
