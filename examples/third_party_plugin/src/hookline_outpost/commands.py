"""The plugin's commands: plain functions, whose signatures say what can be typed."""

import shutil
import subprocess

from hookline import HooklineError, UsageError

__all__ = ["check"]

_ASK = """
import platform
from importlib.metadata import version
import hookline_outpost.station
print(f"Python {platform.python_version()}, hookline {version('hookline')}, outpost {version('hookline-outpost')}")
"""


def check(python: str) -> None:
    """Tell whether an interpreter can make attempts: whether it has hookline and this plugin.

    Args:
        python: The interpreter, as a path or a command.
    """
    if shutil.which(python) is None:
        raise UsageError(f"there is no interpreter '{python}'", help="give the path of a Python executable")
    done = subprocess.run([python, "-P", "-c", _ASK], capture_output=True, text=True, check=False)
    if done.returncode:
        said = done.stderr.strip().rpartition("\n")[2] or f"exit status {done.returncode}"
        raise HooklineError(
            f"'{python}' can't make attempts: {said}",
            help=f"install the plugin there: {python} -m pip install hookline-outpost",
        )
    print(f"{python}: {done.stdout.strip()}")
