"""A port that others may connect to."""

from __future__ import annotations

import os
import socket

BACKLOG = 32


def listen(address: str, port: int) -> socket.socket:
    """Return a socket that listens; raise OSError. A name stands for its first address."""
    family, _type, _protocol, _name, where = socket.getaddrinfo(
        address, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    return socket.create_server(where[:2], family=family, backlog=BACKLOG)


def why(error: OSError) -> str:
    """Return why a port cannot be listened on, in the system's words."""
    if error.errno is not None and error.errno > 0:  # below are those of looking a name up
        return os.strerror(error.errno).lower()
    return str(error.strerror or error)
