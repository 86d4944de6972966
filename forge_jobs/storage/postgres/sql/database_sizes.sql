-- How large the database is, how many connections to it there are, and the dead and living rows of the job table.
SELECT pg_database_size(current_database())::float8,
       (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database())::float8,
       coalesce(max(n_dead_tup), 0)::float8, coalesce(max(n_live_tup), 0)::float8
FROM pg_stat_user_tables WHERE relid = 'forge_jobs.job'::regclass
