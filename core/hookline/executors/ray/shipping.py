"""The project's files as a package, which Ray brings to each node once; and where a worker finds them there."""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from hookline.errors import HooklineError
from hookline.executors.ray.package import pack

__all__ = ["unpacked", "with_project"]

_COMES_BACK_WITHIN = 10.0
_LOOK_EVERY = 0.02


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


def unpacked(within: float = _COMES_BACK_WITHIN) -> str:
    """Give the folder in which Ray unpacked the package for this process, and made it the working directory.

    Nodes on one machine share that folder, and each of them removes what is there before it unpacks the same package:
    whoever stands in it is nowhere then. The same files are soon there again, under the same path.

    Args:
        within: Seconds in which they must be.

    Raises:
        FileNotFoundError: They are not.
    """
    end = time.monotonic() + within
    while True:
        with contextlib.suppress(FileNotFoundError):
            return os.getcwd()  # noqa: PTH109 - as text
        folder = os.environ.get("PWD", "")  # what the shell that began this process called it
        # Ray unpacks a file of that name, and removes it in the end.
        if os.path.isdir(folder) and not os.path.exists(f"{folder}.zip"):  # noqa: PTH110, PTH112 - as text
            os.chdir(folder)
        elif time.monotonic() > end:
            raise FileNotFoundError(f"the folder '{folder}', in which Ray unpacked the project's files, is gone")
        else:
            time.sleep(_LOOK_EVERY)
