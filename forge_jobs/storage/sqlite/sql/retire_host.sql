-- Takes a supervisor off the registry.
DELETE FROM host WHERE host_id = ?
