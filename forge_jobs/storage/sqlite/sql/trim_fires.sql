-- Keeps the newest fires of a schedule only.
DELETE FROM fire
WHERE schedule = ?1 AND fire_at < (SELECT fire_at FROM fire WHERE schedule = ?1 ORDER BY fire_at DESC LIMIT 1 OFFSET ?2)
