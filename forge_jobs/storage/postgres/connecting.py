"""Opening a connection to one server, with a deadline for whatever is waited for."""

from __future__ import annotations

import select
from typing import Any, TypeVar

import psycopg
from psycopg import RawCursor, conninfo
from psycopg.abc import PQGen

from forge_jobs.clock import monotonic
from forge_jobs.storage.postgres.adapting import register
from forge_jobs.storage.postgres.errors import Late

LONGEST_CONNECT = 5.0
SHORTEST_CONNECT = 2  # libpq takes a shorter time for this one
ISOLATION = "-c default_transaction_isolation=read\\ committed"
KEEPALIVE = "-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3"
"""By default a server notices after two hours that a machine has vanished, and keeps until then what it had locked."""

KNOWS_TRANSACTION_TIMEOUT = 170_000
"""From this version on a request of which only a part has come is given up, too."""

PLANS = "-c enable_seqscan=off -c enable_bitmapscan=off -c jit=off -c plan_cache_mode=force_generic_plan"
"""Every statement has an index that gives its rows in order, so its best plan does not depend on the values. What the
server knows of a queue's size is often old by minutes, and a plan made for an empty table is ruin on a full one."""

T = TypeVar("T")


class OurConnection(psycopg.Connection[Any]):
    """A connection that stops waiting for a server which accepts and never answers."""

    give_up_at = float("inf")

    @property
    def was_cut(self) -> bool:
        """Whether the server has said something although nothing was asked: its farewell, nearly always."""
        if self.closed:
            return True
        poll = select.poll()
        poll.register(self.pgconn.socket, select.POLLIN)
        return bool(poll.poll(0))

    def wait(self, gen: PQGen[T], interval: float = 0.1, timeout: float | None = None) -> T:
        """Wait for the server until the deadline; after it the connection is of no use any more."""
        left = max(self.give_up_at - monotonic(), 0.0)
        if timeout is not None and timeout <= left:
            return super().wait(gen, interval, timeout)
        try:
            return super().wait(gen, interval, None if left == float("inf") else left)
        except psycopg.errors._WaitTimeout:
            self.pgconn.finish()
            raise Late from None


def connect(url: str, deadline: float, *, left: float | None = None, pooled: bool = False) -> OurConnection:
    """Open a connection whose statements may take as long as the deadline, within the time left; raise psycopg.Error.

    What is ``pooled`` by transactions keeps no settings and no prepared statements from one to the next.
    """
    wait = deadline if left is None else left
    settings = {} if pooled else {"options": f"{_limits(deadline)} {KEEPALIVE} {ISOLATION} {PLANS}"}
    connection = connect_plainly(url, wait, cursor_factory=RawCursor, **settings)
    register(connection)
    connection.prepare_threshold = None if pooled else 0
    connection.prepared_max = 300
    connection.give_up_at = monotonic() + wait
    if not pooled and connection.info.server_version >= KNOWS_TRANSACTION_TIMEOUT:
        try:
            connection.execute(f"SET transaction_timeout = {milliseconds(2 * deadline)}")
        except BaseException:
            connection.close()  # to fail to send does not
            raise
    return connection


def _limits(deadline: float) -> str:
    """Return the settings by which a program that is out of reach keeps nothing locked: it has given up by then."""
    limit = milliseconds(deadline)
    return f"-c statement_timeout={limit} -c idle_in_transaction_session_timeout={limit}"


def milliseconds(seconds: float) -> int:
    """Return a time as the server's settings have it; 0 would stand for none."""
    return max(round(seconds * 1000), 1)


def connect_plainly(url: str, deadline: float, **settings: Any) -> OurConnection:
    """Open a connection with psycopg's own ways; raise psycopg.Error."""
    try:
        return OurConnection.connect(
            url,
            autocommit=True,
            client_encoding="UTF8",
            connect_timeout=_connect_timeout(url, deadline),
            application_name="forge-jobs",
            keepalives_idle=10,
            keepalives_interval=5,
            keepalives_count=3,
            tcp_user_timeout=max(round(deadline * 1000), 1000),
            **settings,
        )
    except UnicodeError as error:  # that is what Python makes of names of hosts that cannot be asked for
        raise psycopg.OperationalError(f"the host's name is not valid: {error}") from None


def _connect_timeout(url: str, deadline: float) -> int:
    """Return the seconds that each of a URL's addresses gets, so that all of them are tried within the deadline."""
    addresses = str(conninfo.conninfo_to_dict(url).get("host", "")).count(",") + 1
    return max(int(min(deadline, LONGEST_CONNECT) / addresses), SHORTEST_CONNECT)


def shown(url: str) -> str:
    """Return a URL without its password and its options, for people."""
    told = conninfo.conninfo_to_dict(url)
    place = told.get("host") or "localhost"
    port = f":{told['port']}" if told.get("port") else ""
    return f"postgresql://{told.get('user') or ''}@{place}{port}/{told.get('dbname') or ''}".replace("//@", "//")
