-- Makes a full bucket with the settings of the scope before the colon, where that is known.
INSERT OR IGNORE INTO rate_limit (scope, tokens, refilled_at)
SELECT ?1, capacity, ?2 FROM rate_limit WHERE scope = substr(?1, 1, instr(?1, ':') - 1) AND capacity IS NOT NULL
