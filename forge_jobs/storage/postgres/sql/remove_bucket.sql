-- Removes a rate limit and the scopes that have its settings.
DELETE FROM forge_jobs.rate_limit WHERE scope = $1 OR (capacity IS NULL AND split_part(scope, ':', 1) = $1)
RETURNING scope
