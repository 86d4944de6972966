-- How many jobs of each kind are ready in each queue; reads the ready index alone.
SELECT queue, kind, count(*) FROM forge_jobs.job WHERE gate = 0 GROUP BY queue, kind
