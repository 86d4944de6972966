-- Every process that holds a claim; reads rows in progress only.
SELECT DISTINCT process_id FROM job WHERE status = 'in_progress'
