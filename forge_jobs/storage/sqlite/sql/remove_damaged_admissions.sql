-- Forgets notes of places that are to be given out where the kind or the key is no text.
DELETE FROM admission
WHERE (typeof(kind) = 'text' AND utf8(CAST(kind AS BLOB))
       AND typeof(limit_key) = 'text' AND utf8(CAST(limit_key AS BLOB))) IS NOT TRUE
