"""Finds out whether the head of a cluster answers, before Ray tries to talk to it."""

from __future__ import annotations

import contextlib
import os
import socket

from hookline.executors.ray.explain import explain_dial

__all__ = ["dial"]

_WITHIN = 5.0
_FRAME = 9
_SETTINGS = 4
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, _SETTINGS, 0, 0, 0, 0, 0])
"""How a conversation in HTTP/2 begins."""


def dial(address: str) -> None:
    """Find out whether a head answers there: Ray itself would wait for minutes, and then end this process.

    Args:
        address: ``"HOST:PORT"``.

    Raises:
        Explained: Nobody does, or somebody else.
    """
    host, _, port = address.rpartition(":")
    try:
        if "/" in host or not 0 < int(port) < 1 << 16:
            raise ValueError(address)
        with socket.create_connection((host.strip("[]"), int(port)), timeout=_WITHIN) as sock:
            if os.environ.get("RAY_USE_TLS", "0") == "0":
                sock.sendall(_PREFACE)
                if not _speaks_http2(sock):
                    raise ConnectionAbortedError
    except (OSError, ValueError) as error:
        raise explain_dial(address, error) from error


def _speaks_http2(sock: socket.socket) -> bool:
    """Tell whether the first thing that is said is a frame of settings, as of everything that speaks gRPC."""
    said = b""
    with contextlib.suppress(TimeoutError, ConnectionResetError):
        while len(said) < _FRAME and (part := sock.recv(_FRAME - len(said))):
            said += part
    return len(said) == _FRAME and said[3] == _SETTINGS
