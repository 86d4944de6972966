-- What transactions did and nobody has folded into minutes yet, first ones first.
SELECT no, at, queue, kind, entry FROM metric_entry ORDER BY no LIMIT ?
