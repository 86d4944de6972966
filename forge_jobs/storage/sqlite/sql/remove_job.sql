-- Removes one job's row.
DELETE FROM job WHERE seq = ?
