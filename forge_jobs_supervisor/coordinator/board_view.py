"""What the board says, as the coordinator reads it."""

from __future__ import annotations

from collections.abc import Sequence

from forge_jobs.clock import monotonic_us
from forge_jobs.storage.records import WorkerView
from forge_jobs_supervisor.coordinator.samples import Samples
from forge_jobs_supervisor.messages import Died
from forge_jobs_supervisor.unix.board import NONE, OVERDUE, Board, Slot, State, Word

_ALIVE = (State.BOOTING, State.IDLE, State.RUNNING, State.EXCHANGE, State.LEAVING)


class BoardView:
    """Reads the slots of this host's workers."""

    def __init__(self, board: Board, queues: Sequence[str]) -> None:
        self._board = board
        self._queues = queues
        self._samples = Samples()
        self._slots = [board.slot(index) for index in range(board.slots)]

    def _living(self) -> list[Slot]:
        return [slot for slot in self._slots if slot.state in _ALIVE and slot.get(Word.PROCESS_ID)]

    def process_ids(self) -> list[int]:
        """Return the processes that live: the parent fills a slot before a birth and marks it after a death."""
        return [slot.get(Word.PROCESS_ID) for slot in self._living()]

    def idle(self, queue: str) -> int:
        """Return how many workers of the queue have nothing to do."""
        return sum(s.state is State.IDLE and self._queues[s.get(Word.QUEUE)] == queue for s in self._slots)

    def anybody_idle(self) -> bool:
        """Return whether any worker has nothing to do."""
        return any(slot.state is State.IDLE for slot in self._slots)

    def all_idle(self) -> bool:
        """Return whether no worker has anything to do or to hand in."""
        return self._board.all_idle()

    def anybody_holds(self) -> bool:
        """Return whether any worker holds claims that it has not started."""
        return any(s.get(Word.HELD_TO) > s.get(Word.STARTED_NO) for s in self._slots)

    def overdue_holders(self, now: int) -> list[tuple[int, range]]:
        """Return (process id, numbers of the claims it holds) of workers that hold claims and do not move.

        Those are workers that gave no sign of life for ``OVERDUE`` before ``now``, which must have been read before
        this is called. The words are read against the order in which ``Seat`` writes them.
        """
        found = []
        for slot in self._living():
            process_id, held_to = slot.get(Word.PROCESS_ID), slot.get(Word.HELD_TO)
            since = slot.get(Word.SINCE)
            started_no = slot.get(Word.STARTED_NO)
            if held_to > started_no and now - since > OVERDUE:
                found.append((process_id, range(started_no + 1, held_to + 1)))
        return found

    def knows(self, process_id: int, claim_no: int) -> bool:
        """Return whether a living worker would say that this claim is its own and not recorded yet."""
        for slot in self._living():
            if slot.get(Word.PROCESS_ID) == process_id:
                return slot.get(Word.RECORDED_NO) < claim_no <= slot.get(Word.HELD_TO)
        return False

    def stack_of(self, process_id: int | None) -> tuple[int, int] | None:
        """Return the pid and the descriptor that take a worker's stack; None where there is no such worker."""
        for slot in self._living():
            if slot.get(Word.PROCESS_ID) == process_id and slot.get(Word.STACK_FD):
                return slot.get(Word.PID), slot.get(Word.STACK_FD) - 1
        return None

    def views(self) -> list[WorkerView]:
        """Return the workers as operators see them."""
        living = self._living()
        self._samples.forget_all_but(slot.get(Word.PID) for slot in living)
        return [self._view(slot) for slot in living]

    def _view(self, slot: Slot) -> WorkerView:
        running = slot.state is State.RUNNING
        total = slot.get(Word.PROGRESS_TOTAL)
        rests_since = slot.get(Word.SINCE) if slot.state is State.IDLE else None
        sample = self._samples.take(slot.get(Word.PID), rests_since)
        reported = running and slot.get(Word.PROGRESS_DONE) != NONE
        return WorkerView(
            process_id=slot.get(Word.PROCESS_ID),
            queue=self._queues[slot.get(Word.QUEUE)],
            number=slot.get(Word.NUMBER),
            pid=slot.get(Word.PID),
            state="stopped" if sample.stopped else slot.state.name.lower(),
            job_id=slot.job_id() if running else None,
            kind=slot.text(Word.KIND) if running else None,
            running_seconds=(monotonic_us() - slot.get(Word.STARTED_AT)) / 1e6 if running else None,
            held=max(slot.get(Word.HELD_TO) - slot.get(Word.STARTED_NO), 0),
            jobs_done=slot.get(Word.JOBS_DONE),
            progress_done=slot.get(Word.PROGRESS_DONE) if reported else None,
            progress_total=total if reported and total != NONE else None,
            progress_note=slot.text(Word.NOTE) or None if reported else None,
            cpu_percent=sample.cpu_percent,
            memory=sample.memory,
        )

    def obituaries(self) -> list[Died]:
        """Return an obituary for every worker on the board: for when the parent is dead and they die with it."""
        return [
            Died(
                process_id=slot.get(Word.PROCESS_ID),
                queue=self._queues[slot.get(Word.QUEUE)],
                number=slot.get(Word.NUMBER),
                pid=slot.get(Word.PID),
                running=slot.state is State.RUNNING,
                started_no=slot.get(Word.STARTED_NO),
                exit_code=None,
                signal="SIGKILL",
                with_supervisor=True,
            )
            for slot in self._living()
            if slot.get(Word.PID) > 1  # else it was not even forked
        ]
