-- Empties a bucket; it is refilled from the instant named on, or later where it was drained for longer.
UPDATE forge_jobs.rate_limit SET tokens = 0, refilled_at = greatest(refilled_at, $1) WHERE scope = $2 RETURNING scope
