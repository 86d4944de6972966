-- Removes buckets that were made by their first use and have not been used for some time: a new one is as full.
DELETE FROM rate_limit
WHERE capacity IS NULL AND refilled_at < ?1 AND scope IN (
    SELECT own.scope FROM rate_limit AS own
    JOIN rate_limit AS parent ON parent.scope = substr(own.scope, 1, instr(own.scope, ':') - 1)
    WHERE own.capacity IS NULL AND own.refilled_at < ?1
      AND own.tokens + (?1 - own.refilled_at) / 1000000.0 * parent.refill >= parent.capacity
    LIMIT ?2)
RETURNING scope
