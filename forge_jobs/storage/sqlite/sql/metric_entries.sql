-- What transactions did and nobody has folded into minutes yet, first ones first.
SELECT no, max(0, min(CAST(at AS INTEGER), 9007199254740992)), queue, kind, entry FROM metric_entry ORDER BY no LIMIT ?
