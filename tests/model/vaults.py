"""Readers of secrets, as a plugin brings them."""

from __future__ import annotations


def read(where: str) -> str:
    if where == "gone":
        raise ConnectionError("token hunter2 was refused")
    return f"opened {where}"


def read_bytes(where: str) -> bytes:
    return b"no text"
