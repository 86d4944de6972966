"""The coordinator: all of a host's housekeeping that needs the database. Booted first, leaves last."""
