-- A throttled job stops its queue until the instant named, if the queue is to cool down: only the first one of a window.
UPDATE queue SET throttles = min(throttles + 1, 30), throttled_until = ?1
WHERE name = ?2 AND cool_down AND (throttled_until IS NULL OR throttled_until <= ?3)
