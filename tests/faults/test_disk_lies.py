"""A disk that confirms what it does not do, or takes its time; and a weaker promise, which the lying disk sees.

On a disk that drops what it confirmed no promise holds once the power goes. What is required then is that nobody takes
damage for a sound file: whoever opens it finds a database that is sound and as it was after one of its transactions, or
is told, by an error that names the file or by ``doctor --deep``, that it is damaged. One thing nobody can see: a page
that was to be moved from the log into the file, was not, and happens to fit all others. Its rows are as they once were.
"""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from forge_jobs.clock import monotonic
from forge_jobs.errors import DatabaseBusy
from tests.faults.acts import STEPS
from tests.faults.disk import Disk, Fault
from tests.faults.disk_trial import CHECKPOINT, HERE, ActTrial, Trial, Whole, rows_unless_told, sound, whole
from tests.faults.rows import digest
from tests.support.builders import enqueue
from tests.support.until import until

SHORT = 0.05
IN_TIME = 5.0
"""Seconds that a call of a deadline that short may take on a machine that is busy."""


def found_after(trial: ActTrial, name: str, good: Whole) -> str:
    """Return what whoever opens the file after the power went finds; fail where damage passes for a sound file."""
    rows = rows_unless_told(trial)
    if rows is None:
        return "told"
    if name == CHECKPOINT and rows not in (good.at_first, good.after):
        assert set(rows) <= {*good.at_first, *good.after}
        return "rows of two times"
    if name in STEPS:
        trial.act()
        assert digest(trial.storage) == good.after
    else:
        assert rows in (good.at_first if name == CHECKPOINT else good.before, good.after)
    return "sound"


@pytest.mark.parametrize("name", HERE)
def test_what_was_confirmed_and_never_done(disk: Disk, lived_in: Path, tmp_path: Path, name: str) -> None:
    good = whole(disk, lived_in, tmp_path, name)
    some = {1, (good.operations + 1) // 2, good.operations}
    for moment in sorted(some if name != CHECKPOINT else range(1, good.operations + 1)):
        trial = ActTrial(disk, lived_in, tmp_path / str(moment), name)
        disk.arm(Fault.DROPPED, moment)
        trial.act()  # nobody can know
        assert digest(trial.storage) == good.after
        disk.lose_power()

        found = found_after(trial, name, good)

        assert found == "sound" or name == CHECKPOINT  # what is torn out of the log ends it
        trial.close()


@pytest.mark.parametrize("synchronous", ["FULL", "NORMAL"])
def test_with_a_weaker_synchronous_an_acknowledged_job_is_lost(
    disk: Disk, lived_in: Path, tmp_path: Path, synchronous: str
) -> None:
    trial = Trial(disk, lived_in, tmp_path / "trial")
    with trial.storage.upkeep._database.reading() as connection:  # type: ignore[attr-defined]
        connection.pragma("synchronous", synchronous)
    disk.arm(Fault.POWER, 0)
    job_id = enqueue(trial.storage)  # acknowledged

    disk.lose_power()

    storage = trial.reopened()
    sound(storage)
    assert (storage.operator.get(job_id) is None) == (synchronous == "NORMAL")
    trial.close()


@pytest.mark.parametrize("name", [name for name in HERE if name != CHECKPOINT])
def test_what_takes_long_is_done_and_holds_up_nobody_for_longer_than_said(
    disk: Disk, lived_in: Path, tmp_path: Path, name: str
) -> None:
    good = whole(disk, lived_in, tmp_path, name)
    trial = ActTrial(disk, lived_in, tmp_path / "trial", name)
    disk.arm(Fault.DELAYED, good.operations)  # the synchronization that commits
    acting = threading.Thread(target=trial.act)
    acting.start()
    until(disk.held.is_set, within=IN_TIME)
    other = trial.open(deadline=SHORT)

    seen = digest(other)  # whoever reads waits for nobody, and sees nothing half done
    assert seen == good.before if name not in STEPS else seen != good.after
    begun = monotonic()
    with pytest.raises(DatabaseBusy, match=str(trial.path)):
        enqueue(other)
    assert monotonic() - begun < IN_TIME

    disk.go_on()
    acting.join()
    assert digest(other) == good.after
    enqueue(other)
    other.close()
    sound(trial.reopened())
    trial.close()
