-- Takes the cost of every bucket, as often as all have it and at most so many times; gives back the buckets as they were and
-- how often. Buckets are locked in the order of their names.
WITH bucket AS MATERIALIZED (
    SELECT own.scope, coalesce(own.capacity, parent.capacity) AS capacity, coalesce(own.refill, parent.refill) AS refill,
           own.tokens, own.refilled_at, own.capacity IS NULL AS inherited
    FROM forge_jobs.rate_limit AS own
    LEFT JOIN forge_jobs.rate_limit AS parent ON own.capacity IS NULL AND parent.scope = split_part(own.scope, ':', 1)
    WHERE own.scope = ANY($1::text[]) AND coalesce(own.capacity, parent.capacity) IS NOT NULL
    ORDER BY own.scope
    FOR UPDATE OF own
), filled AS MATERIALIZED (
    SELECT scope, least(capacity, tokens + greatest(extract(epoch FROM $4::timestamptz - refilled_at), 0) * refill) AS available
    FROM bucket
), granted AS MATERIALIZED (
    SELECT CASE WHEN count(*) = cardinality($1::text[])
                THEN floor(least((min(available) + 1e-9) / greatest($2::float8, 1e-6), $3::float8))::bigint ELSE 0 END AS number
    FROM filled
), taken AS (
    UPDATE forge_jobs.rate_limit AS own
    SET tokens = filled.available - $2::float8 * granted.number, refilled_at = greatest(own.refilled_at, $4::timestamptz)
    FROM filled, granted WHERE own.scope = filled.scope AND granted.number > 0
)
SELECT scope, capacity, refill, tokens, refilled_at, inherited, (SELECT number FROM granted) FROM bucket
