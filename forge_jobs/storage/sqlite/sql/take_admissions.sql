-- Takes some of the notes of places to be given out.
DELETE FROM admission WHERE no IN (SELECT no FROM admission ORDER BY no LIMIT ?) RETURNING kind, limit_key
