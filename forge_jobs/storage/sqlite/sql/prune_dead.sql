-- Dead jobs of a queue that are past its retention, the oldest first.
SELECT seq FROM job WHERE status = 'dead' AND queue = ? AND finished_at < ? ORDER BY finished_at LIMIT ?
