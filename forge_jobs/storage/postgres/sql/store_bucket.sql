-- Stores a rate limit as it was in another database.
INSERT INTO forge_jobs.rate_limit (scope, capacity, refill, tokens, refilled_at, declared) VALUES ($1, $2, $3, $4, $5, $6)
