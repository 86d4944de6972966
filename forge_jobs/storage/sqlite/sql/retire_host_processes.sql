-- Takes a supervisor's workers off the registry.
DELETE FROM process WHERE host_id = ?
