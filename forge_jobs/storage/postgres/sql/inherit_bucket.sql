-- Makes a full bucket with the settings of the scope before the colon, where that is known.
INSERT INTO forge_jobs.rate_limit (scope, tokens, refilled_at)
SELECT $1, capacity, $2 FROM forge_jobs.rate_limit
WHERE scope = split_part($1, ':', 1) AND scope <> $1 AND capacity IS NOT NULL
ON CONFLICT (scope) DO NOTHING
