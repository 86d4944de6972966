-- What is known of one minute of a queue's kind, or of all time.
SELECT entry FROM forge_jobs.metric WHERE minute = $1 AND queue = $2 AND kind = $3
