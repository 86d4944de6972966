-- Whether there are tallies worth folding.
SELECT count(*) FROM (SELECT 1 FROM tally LIMIT 1000)
