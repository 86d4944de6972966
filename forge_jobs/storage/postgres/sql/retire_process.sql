-- Takes one worker off the registry: what it still holds is settled in the same transaction.
DELETE FROM forge_jobs.process WHERE process_id = $1
