-- Takes one worker off the registry: what it still holds is settled in the same transaction.
DELETE FROM process WHERE process_id = ?
