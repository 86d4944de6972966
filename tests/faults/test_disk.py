"""Each transaction on a disk that fails at its first write, then at its second, and so on until none is left.

Whatever happens, the file is sound, the rows fit together, a transaction is there whole or not at all, what was
acknowledged stays, and the same program goes on when the disk is well again.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.acts import STEPS, is_whole
from tests.faults.disk import FAILURES, Disk, Fault
from tests.faults.disk_trial import HERE, ActTrial, chosen, sound, whole
from tests.support.builders import enqueue


@pytest.mark.parametrize("fault", FAILURES)
@pytest.mark.parametrize("name", HERE)
def test_a_transaction_on_a_disk_that_fails(
    disk: Disk, lived_in: Path, tmp_path: Path, name: str, fault: Fault
) -> None:
    good = whole(disk, lived_in, tmp_path, name)
    for moment in chosen(good.operations, FAILURES.index(fault), len(FAILURES)):
        trial = ActTrial(disk, lived_in, tmp_path / str(moment), name)
        again = trial.act if name in STEPS else None
        disk.arm(fault, moment)
        acknowledged = trial.acknowledged(trial.act)
        assert disk.operations >= moment
        if not disk.power_is_off:
            disk.disarm()
            is_whole(trial.storage, acknowledged, good.before, good.after, again=again)
            job_id = enqueue(trial.storage)  # the program that was hit goes on
            assert trial.storage.operator.get(job_id) is not None
            sound(trial.reopened())
        else:
            sound(trial.reopened())
            is_whole(trial.storage, acknowledged, good.before, good.after, again=again)
        trial.close()
