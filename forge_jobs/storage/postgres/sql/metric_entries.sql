-- What transactions did and nobody has folded into minutes yet, first ones first.
SELECT no, at, queue, kind, entry FROM forge_jobs.metric_entry ORDER BY no LIMIT $1
