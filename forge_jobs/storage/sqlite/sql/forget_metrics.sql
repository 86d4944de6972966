-- Removes minutes before an instant, at most so many; what stands for all time stays.
DELETE FROM metric WHERE (minute, queue, kind) IN (
    SELECT minute, queue, kind FROM metric WHERE minute > 0 AND minute < ?1 ORDER BY minute LIMIT ?2)
