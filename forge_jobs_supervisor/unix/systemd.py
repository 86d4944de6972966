"""Telling systemd how far this service is: sd_notify(3), the datagrams of its protocol."""

from __future__ import annotations

import contextlib
import os
import socket

from forge_jobs.clock import monotonic, monotonic_us


class Notifier:
    """Tells whoever listens at NOTIFY_SOCKET; nobody, where it is not set."""

    def __init__(self) -> None:
        self._address = os.environ.get("NOTIFY_SOCKET", "").replace("@", "\0", 1)
        self._every = _watchdog_seconds() / 2
        self._next = 0.0

    def ready(self) -> None:
        """Tell that the farm is up."""
        self._tell("READY=1")

    def stopping(self) -> None:
        """Tell that the farm stops."""
        self._tell("STOPPING=1")

    def reloading(self) -> None:
        """Tell that the service is being reloaded; ``ready`` ends that."""
        self._tell(f"RELOADING=1\nMONOTONIC_USEC={monotonic_us()}")

    def alive(self) -> None:
        """Tell twice in each watchdog's time that this process moves."""
        if self._every and monotonic() >= self._next:
            self._next = monotonic() + self._every
            self._tell("WATCHDOG=1")

    def _tell(self, state: str) -> None:
        if self._address:
            with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
                line.sendto(state.encode(), self._address)


def _watchdog_seconds() -> float:
    """Return the watchdog's time, 0 where there is none or it is meant for another process."""
    if os.environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return 0.0
    told = os.environ.get("WATCHDOG_USEC", "0")
    return int(told) / 1e6 if told.isdecimal() else 0.0
