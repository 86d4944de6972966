-- Removes a schedule; gives back its name if there was one.
DELETE FROM schedule WHERE name = ?1 RETURNING name
