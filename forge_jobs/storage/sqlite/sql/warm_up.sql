-- After some quiet a job that went well makes the queue forget that it was throttled.
UPDATE queue SET throttles = 0, throttled_until = NULL
WHERE name = ?1 AND throttles > 0 AND (throttled_until IS NULL OR throttled_until <= ?2)
