"""The supervisor: forks, waits, signals. It opens no database, starts no thread and shares no lock."""
