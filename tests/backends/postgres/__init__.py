"""What only the PostgreSQL backend has."""
