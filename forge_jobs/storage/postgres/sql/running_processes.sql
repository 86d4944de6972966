-- Every process that holds a claim; reads rows in progress only.
SELECT DISTINCT process_id FROM forge_jobs.job WHERE status = 'in_progress'
