-- Whether there are tallies worth folding.
SELECT count(*) FROM (SELECT 1 FROM forge_jobs.tally LIMIT 1000) AS few
