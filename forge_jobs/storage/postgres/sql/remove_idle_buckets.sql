-- Removes buckets that were made by their first use and have not been used for some time: a new one is as full.
DELETE FROM forge_jobs.rate_limit
WHERE scope = ANY (ARRAY(
    SELECT own.scope FROM forge_jobs.rate_limit AS own
    JOIN forge_jobs.rate_limit AS parent ON parent.scope = split_part(own.scope, ':', 1) AND parent.scope <> own.scope
    WHERE own.capacity IS NULL AND own.refilled_at < $1
      AND own.tokens + extract(epoch FROM $1::timestamptz - own.refilled_at) * parent.refill >= parent.capacity
    ORDER BY own.scope LIMIT $2
    FOR UPDATE OF own SKIP LOCKED))
RETURNING scope
