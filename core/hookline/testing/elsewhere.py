"""Asks a contract's subclass something in another process, with another hash seed."""

from __future__ import annotations

import importlib.util
import inspect
import json
import os
import subprocess
import sys
from typing import Any

__all__ = ["told_elsewhere"]

_ASK = "from hookline.testing.elsewhere import answer; answer()"


def told_elsewhere(test: object, method: str, seed: str) -> Any:
    """Give what a method of a test class returns in a process of its own.

    Args:
        test: An instance of the class, which is defined at the top level of its file.
        method: The method's name; what it returns must be JSON.
        seed: The other process's hash seed.
    """
    kind = type(test)
    told = json.dumps([inspect.getfile(kind), kind.__module__, kind.__qualname__, method])
    environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(
        [sys.executable, "-c", _ASK], input=told, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"'{kind.__qualname__}' can't be used in another process:\n{done.stderr}"
    return json.loads(done.stdout.splitlines()[-1])


def answer() -> None:
    """Answer on standard output what is asked on standard input."""
    file, name, qualname, method = json.load(sys.stdin)
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    sys.stdout.write("\n" + json.dumps(getattr(getattr(module, qualname)(), method)()) + "\n")
