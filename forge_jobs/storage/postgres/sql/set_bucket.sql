-- Sets a rate limit. A new one is full; one that is there keeps its tokens, as far as they still fit. What the code
-- declares (the fifth value) changes nothing while it says what it said before.
INSERT INTO forge_jobs.rate_limit AS own (scope, capacity, refill, tokens, refilled_at, declared)
VALUES ($1, $2::float8, $3::float8, $2::float8, $4, $5)
ON CONFLICT (scope) DO UPDATE
SET tokens = least(own.tokens, $2::float8), capacity = $2::float8, refill = $3::float8, declared = coalesce($5, own.declared)
WHERE $5 IS NULL OR own.declared IS DISTINCT FROM $5
