"""How a driver talks to its gateway and to its outposts: pickles after their length, each a tuple with its kind first.

To the gateway, over a socket pair:

    (CONNECT, cluster)                  first, once: what :func:`~hookline.executors.ray.gateway.connect` takes
    (POST, serial, amounts, (host, port), token)
                                        place an outpost that has these amounts, and let it call there
    (DISMISS, serial)                   end it, placed or not
    (CLOSE,)                            end all of them, and what was started

From the gateway:

    (CONNECTED, address, host, note)    where the head is, this machine as the cluster knows it, and what to tell users
    (REFUSED, why, help)                it can't connect, and ends
    (NODES, tuple of Node)              which there are, whenever that changes
    (ALIVE,)                            the head has answered
    (UNFIT, serial, why)                Ray does not take its amounts
    (ENDED, serial, why, hopeless)      an outpost is gone; whether the next would end the same way

To an outpost, over TCP, after both have proved that they have the token:

    (OPEN, RunFacts, number, proof)     what to make attempts of, under which number
    (BATCH, what Sent.pack made of a batch …)
    (RECALL, number)                    give a batch back that has not begun
    (CANCEL, numbers, grace)
    (PIECE, Piece)                      part of an artifact that a batch needs
    (UNREADABLE, digest, place)         it can't be had
    (FILE, path, inner, kind, data)     part of a file that an argument names, or of one in a folder
    (FILE_END, path)                    there is no more of it
    (LEAVE, grace)

From an outpost:

    (HELLO, Hello)
    (READY, shares)                     it can make attempts; whether it sees the store's folder
    (BROKEN, Failure)                   it can't
    (BEGUN, batch)
    (OUTCOMES, batch, tuples of Outcome, done, positions)
    (LOST, tuple of Lost)
    (RECALLED, batch)                   it is the driver's again
    (WANT, list of Stored)              what batches need that its node does not have
    (WANT_FILES, list of (path, mark))  files that arguments name
    (PIECE, Piece)                      part of an artifact that the next outcomes name
    (LEFT,)
"""

from __future__ import annotations

import hashlib
import hmac
import os
import socket
from typing import NamedTuple

__all__ = [
    "ALIVE",
    "BATCH",
    "BEGUN",
    "BROKEN",
    "CANCEL",
    "CLOSE",
    "CONNECT",
    "CONNECTED",
    "DISMISS",
    "ENDED",
    "FILE",
    "FILE_END",
    "HELLO",
    "LEAVE",
    "LEFT",
    "LOST",
    "NODES",
    "OPEN",
    "OUTCOMES",
    "PIECE",
    "POST",
    "READY",
    "RECALL",
    "RECALLED",
    "REFUSED",
    "UNFIT",
    "UNREADABLE",
    "WANT",
    "WANT_FILES",
    "Hello",
    "Node",
    "NotOurs",
    "admit",
    "introduce",
    "keep_alive",
    "new_token",
]

CONNECT, POST, DISMISS, CLOSE = range(4)
CONNECTED, REFUSED, NODES, ALIVE, UNFIT, ENDED = range(10, 16)
OPEN, BATCH, RECALL, CANCEL, LEAVE, UNREADABLE, FILE, FILE_END = range(20, 28)
HELLO, READY, BROKEN, BEGUN, OUTCOMES, LOST, RECALLED, WANT, WANT_FILES, LEFT, PIECE = range(30, 41)

_NONCE = 32
_SERIAL = 8
_PROOF = hashlib.sha256().digest_size


class Node(NamedTuple):
    """A machine of the cluster.

    Attributes:
        id: Ray's id.
        host: Its address.
        amounts: What it has in all, by Ray's names, such as ``CPU``.
    """

    id: str
    host: str
    amounts: dict[str, float]


class Hello(NamedTuple):
    """Who an outpost is.

    Attributes:
        node: Ray's id of its node.
        host: The machine's name.
        hookline: The version of hookline there.
        python: The version of Python there, as far as it counts for keys.
    """

    node: str
    host: str
    hookline: str
    python: str


class NotOurs(Exception):  # noqa: N818 - nobody's mistake: whoever it is did not come from us
    """Whoever is at the other end of a connection does not have the token."""


def new_token() -> bytes:
    """Make what both ends of a connection have to know."""
    return os.urandom(_NONCE)


def admit(sock: socket.socket, token: bytes) -> int:
    """Let a caller prove that it is one of our outposts; nothing it sends is unpickled before.

    Args:
        sock: The connection, with a time limit.
        token: The run's token.

    Returns:
        The outpost's serial.

    Raises:
        NotOurs: It is none.
        OSError: It does not answer.
    """
    nonce = os.urandom(_NONCE)
    sock.sendall(nonce)
    answer = _receive(sock, _SERIAL + _NONCE + _PROOF)
    serial, theirs, proof = answer[:_SERIAL], answer[_SERIAL : _SERIAL + _NONCE], answer[_SERIAL + _NONCE :]
    if not hmac.compare_digest(proof, _prove(token, b"outpost", nonce, serial)):
        raise NotOurs
    sock.sendall(_prove(token, b"driver", theirs, serial))
    return int.from_bytes(serial, "little")


def introduce(sock: socket.socket, token: bytes, serial: int) -> None:
    """Prove to a driver that this is its outpost, and let it prove that it is the driver.

    Args:
        sock: The connection, with a time limit.
        token: The run's token.
        serial: The outpost's serial.

    Raises:
        NotOurs: It is not the driver.
        OSError: It does not answer.
    """
    name, nonce = serial.to_bytes(_SERIAL, "little"), os.urandom(_NONCE)
    sock.sendall(name + nonce + _prove(token, b"outpost", _receive(sock, _NONCE), name))
    if not hmac.compare_digest(_receive(sock, _PROOF), _prove(token, b"driver", nonce, name)):
        raise NotOurs


def keep_alive(sock: socket.socket) -> None:
    """Have messages sent at once, and a machine that is gone without a word noticed within half a minute."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (("TCP_KEEPIDLE", 10), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 4), ("TCP_USER_TIMEOUT", 30_000)):
        if hasattr(socket, name):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def _prove(token: bytes, role: bytes, nonce: bytes, serial: bytes) -> bytes:
    return hmac.digest(token, role + nonce + serial, "sha256")


def _receive(sock: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        part = sock.recv(count - len(data))
        if not part:
            raise ConnectionResetError("the connection was closed")
        data += part
    return data
