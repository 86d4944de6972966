"""Jobs in a PostgreSQL database. The only package that imports psycopg."""
