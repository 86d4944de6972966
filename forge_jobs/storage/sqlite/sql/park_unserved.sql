-- Takes ready jobs of a kind that nobody knows out of the claim's way.
UPDATE job SET gate = 4, holds_key = NULL
WHERE seq IN (SELECT seq FROM job WHERE gate = 0 AND queue = ? AND kind = ? LIMIT ?)
RETURNING kind, limit_key
