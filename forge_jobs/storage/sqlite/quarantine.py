"""Jobs of whose rows nothing can be made, since a hand changed them: they end dead, and hold up nobody."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import apsw

from forge_jobs.ids import new_job_id
from forge_jobs.model.job import ErrorEntry
from forge_jobs.model.states import Cause, Status
from forge_jobs.storage.announcing import End
from forge_jobs.storage.observing import Observations
from forge_jobs.storage.sql import statement
from forge_jobs.storage.sqlite.announcing import announce
from forge_jobs.storage.sqlite.database import Database
from forge_jobs.storage.sqlite.hand_in import add_error, add_tallies
from forge_jobs.storage.sqlite.metrics import add_observed
from forge_jobs.storage.sqlite.rows import blob, text

SLICE = 500
_TOLD = "its row in the database is damaged: something stands there that no program of ours wrote"


def quarantine(database: Database) -> int:
    """End live jobs whose rows are damaged; return how many. Reads all live rows."""
    with database.reading() as connection:
        found = [seq for (seq,) in database.run(connection, "damaged_jobs", (SLICE,))]
    with database.writing() as connection:
        bury(database, connection, found)
        database.run(connection, "remove_damaged_admissions")
    return len(found)


def bury(database: Database, connection: apsw.Connection, damaged: Iterable[int]) -> None:
    """End these jobs, by key, inside the caller's write transaction."""
    now = database.clock.now()
    seen, ends = Observations(), []
    for seq in damaged:
        for job_id, queue, kind in database.run(connection, "bury_damaged", (now, blob(new_job_id()), seq)):
            entry = ErrorEntry(at=now, attempt=0, cause=Cause.ERROR, message=_TOLD)
            add_error(database, connection, seq, entry)
            seen.of(queue, kind).dead += 1
            ends.append(End(text(job_id), kind, queue, 0, Status.DEAD, now, entry))
    add_tallies(connection, None, Counter((end.queue, "dead") for end in ends))
    add_observed(connection, now, seen)
    connection.executemany(statement("sqlite", "add_admission"), {(end.kind, "") for end in ends})
    announce(database, connection, ends)
