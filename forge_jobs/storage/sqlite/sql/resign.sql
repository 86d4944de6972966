-- Gives the lease up.
DELETE FROM leader WHERE holder = ?
