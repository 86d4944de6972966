-- The kinds with limits.
SELECT name FROM forge_jobs.kind WHERE limited
