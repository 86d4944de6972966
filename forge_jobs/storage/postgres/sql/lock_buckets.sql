-- Locks rate limits in the order in which everybody locks them.
SELECT scope FROM forge_jobs.rate_limit WHERE scope = ANY($1::text[]) ORDER BY scope FOR UPDATE
