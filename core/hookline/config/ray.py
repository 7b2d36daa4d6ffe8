"""The settings of the executor ``ray``: the table ``[tool.hookline.ray]``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from hookline.config.settings import Setting, seconds

__all__ = ["RAY", "ray_options"]

_TABLE = "ray"
_OWN = "local"
"""The address that takes back one that a file or a variable gives."""

_ADDRESS = re.compile(r"(?:\[[0-9a-fA-F:.%]+\]|[^\s:/@\[\]]+):([0-9]{1,5})")


def _address(value: object) -> object:
    text = value.strip() if isinstance(value, str) else ""
    found = _ADDRESS.fullmatch(text)
    if text not in ("auto", _OWN) and not (found and 0 < int(found[1]) < 1 << 16):
        raise ValueError
    return text


def _switch(value: object) -> object:
    if not isinstance(value, bool):
        raise ValueError
    return value


def _port(value: object) -> object:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 16:
        raise ValueError
    return value


def _silence(value: object) -> object:
    found = seconds(value)
    if not found:
        raise ValueError
    return found


def _any_table(value: object) -> object:
    if not isinstance(value, Mapping):
        raise ValueError
    return dict(value)


RAY = (
    Setting(
        "address",
        "'HOST:PORT', 'auto' or 'local'",
        "The cluster to run on, by the address of its head; auto: the one that this machine belongs to; local: one of "
        "the run's own.",
        None,
        _address,
        unset="what RAY_ADDRESS says, else one of the run's own",
        table=_TABLE,
        flag="ray-address",
    ),
    Setting(
        "strict_resources",
        "true or false",
        "Whether attempts fail that fit on no node of the cluster, rather than wait for one.",
        False,
        _switch,
        table=_TABLE,
        flag="strict-resources",
        switch=True,
    ),
    Setting(
        "port",
        "a whole number from 0 to 65535",
        "Where the driver listens for its workers; 0 stands for any free port.",
        0,
        _port,
        table=_TABLE,
        optional=False,
        numeric=True,
    ),
    Setting(
        "silence",
        "seconds, or a time such as '45s', of more than 0",
        "How long nothing may be heard of the cluster's head until it counts as lost.",
        45.0,
        _silence,
        table=_TABLE,
        optional=False,
    ),
    Setting(
        "ship",
        "true or false",
        "Whether the project's files are sent to workers.",
        None,
        _switch,
        unset="where a cluster is joined",
        table=_TABLE,
        optional=False,
        switch=True,
    ),
    Setting(
        "runtime_env",
        "a table",
        "The environment that Ray makes for workers: ``pip``, ``env_vars`` and so on, as Ray has them.",
        None,
        _any_table,
        unset="as nodes are",
        table=_TABLE,
        optional=False,
        worded=False,
    ),
)
"""All of them, in the order in which they are shown."""


def ray_options(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Give what the executor is made with: what is set, or has a default."""
    return {name: value for name, value in settings.items() if value is not None}
