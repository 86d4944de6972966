-- Locks jobs in the order in which everybody locks, so that no two transactions wait for each other.
SELECT seq FROM forge_jobs.job WHERE seq = ANY($1::bigint[]) ORDER BY seq FOR UPDATE
