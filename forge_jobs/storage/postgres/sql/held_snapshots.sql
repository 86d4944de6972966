-- Transactions in this database that have been open for so many seconds and hold a snapshot: vacuum removes nothing that they
-- may still see. What they are, whose, and for how many seconds.
SELECT 'transaction of pid ' || pid, coalesce(nullif(application_name, ''), usename::text, ''), state,
       extract(epoch FROM clock_timestamp() - xact_start)::float8 AS seconds
FROM pg_stat_activity
WHERE datname = current_database() AND backend_xmin IS NOT NULL AND pid <> pg_backend_pid()
  AND xact_start < clock_timestamp() - make_interval(secs => $1::float8)
UNION ALL
SELECT 'prepared transaction ' || quote_literal(gid), owner::text, 'prepared',
       extract(epoch FROM clock_timestamp() - prepared)::float8
FROM pg_prepared_xacts
WHERE database = current_database() AND prepared < clock_timestamp() - make_interval(secs => $1::float8)
ORDER BY seconds DESC
