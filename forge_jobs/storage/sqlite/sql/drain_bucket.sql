-- Empties a bucket; it is refilled from the instant named on, or later where it was drained for longer.
UPDATE rate_limit SET tokens = 0, refilled_at = max(refilled_at, ?) WHERE scope = ? RETURNING scope
