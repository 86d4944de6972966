-- Replaces all of a schedule.
UPDATE schedule
SET kind = ?2, payload = ?3, queue = ?4, priority = ?5, max_attempts = ?6, expression = ?7, timezone = ?8,
    overlap = ?9, misfire = ?10, jitter = ?11, enabled = ?12, declared = ?13, next_fire_at = ?14,
    last_fire_at = ?15, last_error = ?16, created_at = ?17, updated_at = ?18
WHERE name = ?1
