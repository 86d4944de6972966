-- Takes the places of a kind from so many ready jobs that are last in line.
UPDATE job SET gate = 5
WHERE seq IN (SELECT seq FROM job
              WHERE kind = ? AND gate = 0 AND limit_key IS NOT NULL AND (gate = 0 OR status = 'in_progress')
              ORDER BY priority DESC, scheduled_at DESC, seq DESC LIMIT ?)
