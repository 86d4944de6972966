-- How many other processes hold claims of a queue; reads rows in progress only.
SELECT count(DISTINCT process_id) FROM job WHERE status = 'in_progress' AND queue = ? AND process_id <> ?
