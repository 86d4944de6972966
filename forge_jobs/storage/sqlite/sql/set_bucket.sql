-- Sets a rate limit. A new one is full; one that is there keeps its tokens, as far as they still fit. What the code
-- declares (the fifth value) changes nothing while it says what it said before.
INSERT INTO rate_limit (scope, capacity, refill, tokens, refilled_at, declared) VALUES (?1, ?2, ?3, ?2, ?4, ?5)
ON CONFLICT (scope) DO UPDATE
SET tokens = min(tokens, ?2), capacity = ?2, refill = ?3, declared = coalesce(?5, declared)
WHERE ?5 IS NULL OR declared IS NOT ?5
