"""What every test gets: real databases in temporary places, a clock to turn, and none of the user's settings."""

from __future__ import annotations

import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from forge_jobs.storage import Storage
from tests.support.backends import BACKENDS, Backend
from tests.support.clock import FakeClock

# The same examples in every run: a failure that only some runs show teaches people to run again. The search for new
# ones is a run of its own: pytest --hypothesis-profile=search
settings.register_profile(
    "steady", deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile(
    "search", deadline=None, max_examples=2000, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("steady")

_HERE = Path(__file__).parent
_LONG = ("faults/test_torture.py", "backends/postgres/test_plans.py", "faults", "processes")
_OURS = (
    "FORGE_APP",
    "FORGE_DATABASE_URL",
    "FORGE_QUEUES",
    "FORGE_WORKER_PREFIX",
    "FORGE_WORKER_VERSION",
    "JOBS_CONFIG_DIR",
    "JOBS_DATA_DIR",
)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where tests run side by side, begin with what takes long, so that nobody works alone at the end."""

    def turn(item: pytest.Item) -> int:
        path = item.path.relative_to(_HERE)
        return next((number for number, long in enumerate(_LONG) if path.is_relative_to(long)), len(_LONG))

    if hasattr(config, "workerinput"):
        items.sort(key=turn)


@pytest.fixture(scope="session", autouse=True)
def _short_runtime_directory() -> Iterator[None]:
    """Keep the doorbells out of the user's runtime directory, under a path short enough for a socket."""
    with tempfile.TemporaryDirectory(prefix="fj-") as directory, pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", directory)
        yield


@pytest.fixture(autouse=True)
def _no_settings_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in _OURS:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def _signals_are_as_they_were() -> Iterator[None]:
    """Take back what a command that ran in this process does with signals: processes forked later would inherit it."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGWINCH)}
    yield
    for number, action in before.items():
        signal.signal(number, action)


@pytest.fixture
def clock() -> FakeClock:
    """A clock that stands still until it is turned."""
    return FakeClock()


@pytest.fixture(params=sorted(BACKENDS))
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Backend]:
    """An empty database, once for each kind of database."""
    made = BACKENDS[request.param](tmp_path)
    yield made
    made.close()


@pytest.fixture
def storage(backend: Backend, clock: FakeClock) -> Storage:
    """The storage of an empty database, going by ``clock``."""
    return backend.open(clock)
