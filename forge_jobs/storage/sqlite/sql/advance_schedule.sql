-- Moves a schedule on to its next time, if it stands as it was seen and none of the times has fired: true for one of many.
UPDATE schedule
SET next_fire_at = ?4, last_fire_at = coalesce(?6, last_fire_at), last_error = NULL
WHERE name = ?1 AND enabled AND next_fire_at = ?2 AND updated_at = ?3
  AND (last_fire_at IS NULL OR ?5 IS NULL OR last_fire_at < ?5)
RETURNING name
