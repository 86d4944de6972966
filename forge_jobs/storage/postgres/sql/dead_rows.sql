-- How many rows of the job table are dead and how many are alive, as far as the server knows.
SELECT n_dead_tup, n_live_tup FROM pg_stat_user_tables WHERE relid = 'forge_jobs.job'::regclass
