"""Jobs in one SQLite file, through apsw: write-ahead log, full synchronisation, writers in line behind a lock."""
