-- The jobs named that match, newest first, before a cursor.
SELECT seq, id, status, queue, attempts, kind, limit_key
FROM job
WHERE id IN (SELECT unhex(value) FROM json_each(?6))
  AND seq < ?1 AND (?2 IS NULL OR status = ?2) AND (?3 IS NULL OR queue = ?3) AND (?4 IS NULL OR kind = ?4)
ORDER BY seq DESC
LIMIT ?5
