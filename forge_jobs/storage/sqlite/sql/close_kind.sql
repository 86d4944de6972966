-- Takes so many ready jobs of a kind that has no tokens, or no places, out of the claims' way.
UPDATE job SET gate = 5
WHERE seq IN (SELECT seq FROM job
              WHERE kind = ? AND gate = 0 AND limit_key IS NOT NULL AND (gate = 0 OR status = 'in_progress') LIMIT ?)
