-- Rate limits as they stand, with what a scope of its own has from the one before its colon.
SELECT own.scope, coalesce(own.capacity, parent.capacity), coalesce(own.refill, parent.refill), own.tokens,
       own.refilled_at, own.capacity IS NULL, own.declared
FROM rate_limit AS own
LEFT JOIN rate_limit AS parent
    ON own.capacity IS NULL AND parent.scope = substr(own.scope, 1, instr(own.scope, ':') - 1)
WHERE (?1 OR own.scope IN (SELECT value FROM json_each(?2))) AND coalesce(own.capacity, parent.capacity) IS NOT NULL
ORDER BY own.scope
