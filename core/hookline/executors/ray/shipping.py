"""The project's files as a package, which Ray brings to each node once."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from hookline.errors import HooklineError
from hookline.executors.ray.package import pack

__all__ = ["with_project"]


@contextlib.contextmanager
def with_project(runtime_env: Mapping[str, Any], root: str, leave_out: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Add the project's files to a runtime environment, which Ray is to take within the ``with`` block.

    Args:
        runtime_env: What the user wants in it.
        root: The project's folder.
        leave_out: Folders in there that are not the project's.

    Yields:
        What Ray takes.

    Raises:
        HooklineError: The files can't be sent, or the user wants others in their place.
    """
    if "working_dir" in runtime_env:
        raise HooklineError(
            "the runtime environment for Ray names a 'working_dir', where the project's files are to be",
            help="leave it out of [tool.hookline.ray.runtime_env], or set ship = false",
        )
    with tempfile.TemporaryDirectory(prefix="hookline-package-", ignore_cleanup_errors=True) as folder:
        package = pack(Path(root), Path(folder, "project.zip"), leave_out=[Path(each) for each in leave_out])
        yield {**runtime_env, "working_dir": str(package.path)}
