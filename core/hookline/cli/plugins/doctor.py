"""Checks an installed plugin: in a process of its own, with a limit of time."""

from __future__ import annotations

import json
import subprocess
import sys

from hookline.cli.plugins.examine import DONE, Finding
from hookline.config import configure
from hookline.errors import UsageError, close_match
from hookline.hooks.loader import found_plugins

__all__ = ["check_plugin"]

_EXAMINE = "hookline.cli.plugins.examine"


def check_plugin(name: str, seconds: float) -> list[Finding]:
    """Check a plugin.

    Args:
        name: Its name.
        seconds: How long that may take.

    Returns:
        What was found, check by check.

    Raises:
        UsageError: There is no such plugin.
    """
    names = [plugin.name for plugin in found_plugins(configure().root)]
    if name not in names:
        raise UsageError(
            f"there is no plugin '{name}';{close_match(name, names)}".rstrip(";"),
            help="hookline plugins list shows those that there are",
        )
    command = [sys.executable, "-m", _EXAMINE, name]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            out, err = process.communicate(timeout=seconds)
            late = False
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            late = True
    findings: list[Finding] = [json.loads(line) for line in out.splitlines()]
    if late:
        last = findings[-1]["check"] if findings else "nothing"
        findings.append(
            _problem(
                "time",
                f"was still going on after {seconds:g} s, when {last} had been checked",
                "look what it waits for while it is imported or registers names",
            )
        )
    elif process.returncode or not findings or findings[-1]["check"] != DONE:
        told = err.strip().splitlines()[-1:] or [f"exit status {process.returncode}"]
        text = f"ended the process that looked at it: {told[0]}"
        findings.append(_problem("process", text, "look at what it does while it is imported"))
    return [finding for finding in findings if finding["check"] != DONE]


def _problem(check: str, text: str, remedy: str) -> Finding:
    return {"check": check, "ok": False, "text": text, "help": remedy}
