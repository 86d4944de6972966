-- Stores a rate limit as it was in another database.
INSERT INTO rate_limit (scope, capacity, refill, tokens, refilled_at, declared) VALUES (?, ?, ?, ?, ?, ?)
