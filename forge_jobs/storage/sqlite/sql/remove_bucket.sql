-- Removes a rate limit and the scopes that have its settings.
DELETE FROM rate_limit WHERE scope = ?1 OR (capacity IS NULL AND substr(scope, 1, length(?1) + 1) = ?1 || ':')
RETURNING scope
