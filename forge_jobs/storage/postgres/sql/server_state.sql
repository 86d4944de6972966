-- What about the server matters here: its settings, how many of its connections are taken, whether it is a standby, and
-- what it knows of the job table's rows.
SELECT current_setting('server_version'), current_setting('server_version_num')::int, current_setting('fsync')::bool,
       current_setting('synchronous_commit'), current_setting('full_page_writes')::bool,
       current_setting('autovacuum')::bool, pg_is_in_recovery(),
       (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),
       current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int,
       coalesce((SELECT n_dead_tup FROM pg_stat_user_tables WHERE relid = 'forge_jobs.job'::regclass), 0),
       coalesce((SELECT n_live_tup FROM pg_stat_user_tables WHERE relid = 'forge_jobs.job'::regclass), 0),
       (SELECT to_char(greatest(last_vacuum, last_autovacuum), 'YYYY-MM-DD HH24:MI TZ')
        FROM pg_stat_user_tables WHERE relid = 'forge_jobs.job'::regclass)
