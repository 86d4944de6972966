-- Sets a rate limit. A new one is full; one that is there keeps what it has got at
-- its old rate until now, as far as that still fits. What the code
-- declares (the fifth value) changes nothing while it says what it said before.
INSERT INTO forge_jobs.rate_limit AS own (scope, capacity, refill, tokens, refilled_at, declared)
VALUES ($1, $2::float8, $3::float8, $2::float8, $4, $5)
ON CONFLICT (scope) DO UPDATE
SET tokens = least(coalesce(own.capacity, $2::float8), own.tokens
                   + greatest(extract(epoch FROM $4::timestamptz - own.refilled_at), 0) * coalesce(own.refill, 0), $2::float8),
    refilled_at = greatest(own.refilled_at, $4::timestamptz), capacity = $2::float8, refill = $3::float8,
    declared = coalesce($5, own.declared)
WHERE $5 IS NULL OR own.declared IS DISTINCT FROM $5
