-- Forgets the fires of a schedule.
DELETE FROM fire WHERE schedule = ?1
