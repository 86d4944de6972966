-- Sets a rate limit. A new one is full; one that is there keeps what it has got at
-- its old rate until now, as far as that still fits. What the code
-- declares (the fifth value) changes nothing while it says what it said before.
INSERT INTO rate_limit (scope, capacity, refill, tokens, refilled_at, declared) VALUES (?1, ?2, ?3, ?2, ?4, ?5)
ON CONFLICT (scope) DO UPDATE
SET tokens = min(min(coalesce(capacity, ?2), tokens + max(?4 - refilled_at, 0) / 1000000.0 * coalesce(refill, 0)), ?2),
    refilled_at = max(refilled_at, ?4), capacity = ?2, refill = ?3, declared = coalesce(?5, declared)
WHERE ?5 IS NULL OR declared IS NOT ?5
