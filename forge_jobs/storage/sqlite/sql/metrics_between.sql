-- The minutes of a stretch of time; the first bound is in it, the second not.
SELECT minute, queue, kind, entry FROM metric
WHERE minute >= ?1 AND minute < ?2 AND (?3 IS NULL OR queue = ?3) AND (?4 IS NULL OR kind = ?4)
ORDER BY minute, queue, kind
