"""Where jobs live: the ports (``ports``), the records they speak in (``records``), and one folder per database."""

from forge_jobs.storage.connect import close_idle, is_postgres, open_storage, sqlite_path
from forge_jobs.storage.ports import Storage

__all__ = ["Storage", "close_idle", "is_postgres", "open_storage", "sqlite_path"]
