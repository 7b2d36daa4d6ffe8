"""The code that a value carries with it: the classes and functions that its stored form goes to by name.

A model whose ``predict`` was edited, or whose library was upgraded, is another model,
even where its bytes are the same.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path
from types import FunctionType

from hookline.cache.fingerprint import Fingerprinter
from hookline.cache.project import Project
from hookline.values.digest import digest_bytes, digest_tree

__all__ = ["CarriedCode"]


class CarriedCode:
    """Digests the code that values refer to; remembers what it has seen. Worker threads share one.

    Args:
        root: The project root.
        fingerprinter: What reads code; None for a new one.
    """

    def __init__(self, root: Path, fingerprinter: Fingerprinter | None = None) -> None:
        self._project = Project(root)
        self._fingerprinter = fingerprinter or Fingerprinter(root)
        self._known: dict[frozenset[object], bytes] = {}
        # A fingerprinter's graph grows while it is read: two threads in it would each see the half of the other.
        self._reading = threading.Lock()

    def __call__(self, code: frozenset[object]) -> bytes:
        """Digest classes and functions.

        Args:
            code: What a value refers to.

        Returns:
            32 bytes; empty where all of it is Python's or hookline's own. Where code can't be compared, bytes that
            never come again, so that nothing is reused for them.
        """
        digest = self._known.get(code)
        if digest is not None:
            return digest
        with self._reading:
            digest = self._known.get(code)
            if digest is None:
                digest = self._known[code] = self._digest(code)
        return digest

    def _digest(self, code: frozenset[object]) -> bytes:
        own: list[type] = []
        parts: set[bytes] = set()
        unstable = ""
        for item in code:
            origin = self._project.of_module(getattr(item, "__module__", None) or "builtins")
            if origin.kind == "distribution":
                parts.add(digest_bytes(f"{origin.name} {origin.version}".encode()))
            elif origin.kind == "project" and isinstance(item, type):
                own.append(item)
            elif origin.kind == "project" and isinstance(item, FunctionType):
                fingerprint = self._fingerprinter.of(item)
                parts.add(fingerprint.digest)
                unstable = unstable or fingerprint.unstable
        if own:
            fingerprint = self._fingerprinter.of_types(own)
            parts.add(fingerprint.digest)
            unstable = unstable or fingerprint.unstable
        if unstable:
            return os.urandom(32)
        return digest_tree("code", sorted(parts)) if parts else b""
