"""Run in a process of its own: imports each project of a list and prints the fingerprint of its ``step``."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

from hookline.cache.fingerprint import Fingerprinter


def probe(folder: str, name: str = "step") -> dict[str, object]:
    """Fingerprint one project under fresh module state."""
    known = set(sys.modules)
    sys.path.insert(0, folder)
    importlib.invalidate_caches()
    try:
        module = importlib.import_module("flow")
        taken = Fingerprinter(Path(folder)).of(getattr(module, name))
        parts = [[part.name, part.kind, part.digest.hex(), part.file, part.line, part.source] for part in taken.parts]
        return {"digest": taken.digest.hex(), "unstable": taken.unstable, "parts": parts}
    finally:
        sys.path.remove(folder)
        for added in set(sys.modules) - known:
            if (getattr(sys.modules[added], "__file__", None) or "").startswith(folder):
                del sys.modules[added]


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    print(json.dumps([probe(folder) for folder in json.load(sys.stdin)]))
