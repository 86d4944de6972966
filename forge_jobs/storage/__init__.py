"""Where jobs live: the ports (``ports``), the records they speak in (``records``), and one folder per database."""

from typing import TYPE_CHECKING

from forge_jobs.storage.connect import close_idle, is_postgres, open_storage, prepare, sqlite_path

if TYPE_CHECKING:
    from forge_jobs.storage.ports import Storage
else:

    def __getattr__(name):
        """Import the ports only for those who read them: they are many, and a producer needs none by name."""
        if name != "Storage":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from forge_jobs.storage.ports import Storage

        return Storage


__all__ = ["Storage", "close_idle", "is_postgres", "open_storage", "prepare", "sqlite_path"]
