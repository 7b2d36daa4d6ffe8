"""Every setting's value and where it comes from: a call, a variable, the project's file, or the default."""

from __future__ import annotations

import functools
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from hookline.config.address import StoreAddress, scheme_of
from hookline.config.file import read_file
from hookline.config.layers import Layers
from hookline.config.open_arguments import split_arguments
from hookline.config.plugins import Plugins
from hookline.config.ray import RAY, ray_options
from hookline.config.reading import KEYS, Reader, environment
from hookline.config.root import project_root
from hookline.config.settings import ENV, PLUGINS, PREFIX, SETTINGS
from hookline.errors import UsageError

__all__ = ["Configuration", "check_store", "configure", "store_address"]

_STORE_FOLDER = ".hookline"
_VARIABLES = tuple(setting.variable for setting in (*SETTINGS, ENV, PLUGINS, *RAY) if setting.variable)
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Configuration:
    """The settings that hold for a project; :data:`~hookline.config.settings.SETTINGS` says what each is.

    Attributes:
        root: The project's folder.
        env: The environment's name; empty for none.
        store: An absolute path, or a URL; nothing need be there yet.
        executor: An executor's name.
        workers: How many tasks may run at once; None for what the machine has.
        durability: ``"full"`` or ``"fast"``.
        grace: Seconds.
        seed: The seed.
        load_policy: A load policy's name.
        turns: How many turns a loop may take.
        limits: How many attempts may run at once, by step name or tag.
        plugins: Which plugins may be loaded.
        step_arguments: Values for what workflows leave open, by step name and argument. Paths are as they were written.
        provider_arguments: Values by provider and argument.
        sources: What the file says of each source of data.
        ray: The settings of the executor ``ray``, by name; None for what is not set.
        layers: What the file says.
        origins: ``"given"`` or a variable's name, by key; what is not there comes from the file or is the default.
    """

    root: Path
    env: str
    store: StoreAddress
    executor: str
    workers: int | None
    durability: Literal["full", "fast"]
    grace: float
    seed: int
    load_policy: str
    turns: int
    limits: Mapping[str, int]
    plugins: Plugins
    step_arguments: Mapping[str, Mapping[str, Any]]
    provider_arguments: Mapping[str, Mapping[str, Any]]
    sources: Mapping[str, Mapping[str, Any]]
    ray: Mapping[str, Any]
    layers: Layers
    origins: Mapping[tuple[str, ...], str]

    @property
    def executor_options(self) -> dict[str, Mapping[str, Any]]:
        """What executors are made with, by executor, beside the number of workers."""
        return {"ray": ray_options(self.ray)}

    def plugin_settings(self, name: str) -> dict[str, Any]:
        """Give what the file says in the table of a plugin.

        Args:
            name: The plugin's name.

        Returns:
            Values by key, as TOML has them; empty where there is no table.
        """
        return dict(self.layers.merged("plugin").get(name, {}))

    @property
    def plugins_with_settings(self) -> tuple[str, ...]:
        """Names of the plugins that have tables."""
        return tuple(self.layers.merged("plugin"))

    def origin(self, *key: str) -> str:
        """Tell where a value comes from.

        Args:
            *key: A setting's name; in a table the names down to the entry: ``"limits", "gpu"``, ``"plugin", "mlflow",
                "uri"``, ``"step", "data.validate", "strict"``.

        Returns:
            ``"given"``, a variable's name, the file's path with the line (and the environment in brackets), or
            ``"default"``.
        """
        return self.origins.get(key) or self.layers.origin(*key) or "default"


def configure(
    near: str | Path | None = None,
    *,
    env: str | None = None,
    plugins: Sequence[str] | None = None,
    step_arguments: Mapping[str, object] | None = None,
    ray: Mapping[str, object] | None = None,
    **given: object,
) -> Configuration:
    """Work out the settings: what a call gives goes before variables, these before the file, this before defaults.

    In the file, what stands in the table of the environment goes before what stands outside of it.

    Args:
        near: A file or folder of the project; the working directory by default.
        env: The environment; what ``HOOKLINE_ENV`` says by default. An empty text stands for none.
        plugins: Names of the plugins that alone may be loaded.
        step_arguments: Values for arguments that workflows leave open, by step and argument: ``{"train.depth": 3}``.
        ray: What a call gives to the executor ``ray``, by name; None for nothing.
        **given: What a call or a command line gives, by the setting's name; None for nothing.

    Returns:
        The settings.

    Raises:
        UsageError: Settings do not exist or have values of the wrong kind; all of them are named with their places. Or
            there is no such environment.
    """
    start = Path(near or ".").absolute()
    # Links are followed, so that a project reached through one has one store.
    root = project_root((start if start.is_dir() else start.parent).resolve())
    wanted, said_by = environment(env)
    layers = Layers(read_file(root), wanted)
    reader = Reader(layers)
    reader.check_keys()
    values: dict[str, Any] = {setting.name: reader.value(setting, given.get(setting.name)) for setting in SETTINGS}
    limits = reader.limits()
    cluster = reader.ray(ray or {})
    governance = reader.plugins(plugins)
    reader.check_tables()
    _warn_of_variables()
    if reader.problems:
        _raise(reader.problems)
    layers.check(said_by)
    # What a call or the variable says of plugins stands for what the file allows.
    origins: dict[tuple[str, ...], str] = {
        (*key, "allow") if key == PLUGINS.key else key: said for key, said in reader.origins.items()
    }
    if said_by != "default":
        origins[ENV.name,] = said_by
    given_arguments = split_arguments(step_arguments or {})
    arguments = layers.merged("step")
    for step, values_by_name in given_arguments.items():
        arguments[step] = {**arguments.get(step, {}), **values_by_name}
        origins |= {("step", step, name): "given" for name in values_by_name}
    return Configuration(
        root=root,
        env=wanted,
        store=_address(values.pop("store") or _STORE_FOLDER, None if ("store",) in origins else root),
        limits=limits,
        plugins=governance,
        step_arguments=arguments,
        provider_arguments=layers.merged("provider"),
        sources=layers.merged("source"),
        ray=cluster,
        layers=layers,
        origins=origins,
        **values,
    )


def store_address(
    given: StoreAddress | None = None, near: str | Path | None = None, *, env: str | None = None
) -> StoreAddress:
    """Tell where the store is: what was given, else ``HOOKLINE_STORE``, else the file's, else in the project root.

    Args:
        given: The path or URL that the user named; None or empty for none.
        near: The workflow's file or folder; the working directory by default.
        env: The environment; what ``HOOKLINE_ENV`` says by default.

    Returns:
        An absolute path, or a URL; nothing need be there yet.

    Raises:
        UsageError: There is a file at that path, or a setting is wrong.
    """
    return check_store(configure(near, env=env, store=given or None).store)


def check_store(address: StoreAddress) -> StoreAddress:
    """Give a store's address back where it can be one.

    Raises:
        UsageError: There is a file at that path.
    """
    if isinstance(address, Path) and address.exists() and not address.is_dir():
        raise UsageError(f"the store '{address}' is a file", help="give a folder: --store PATH")
    return address


def _address(text: str, root: Path | None) -> StoreAddress:
    """Tell a URL from a path, which starts at the root or, without one, at the working directory."""
    if scheme_of(text):
        return text
    path = Path(text).expanduser()
    return path.absolute() if root is None else root / path


def _raise(problems: list[str]) -> None:
    remedy = f"the settings are {', '.join(KEYS)}"
    if len(problems) == 1:
        raise UsageError(problems[0], help=remedy)
    raise UsageError("\n  - ".join([f"{len(problems)} settings are wrong", *problems]), help=remedy)


def _warn_of_variables() -> None:
    for name in os.environ:
        if name.startswith(PREFIX) and name not in _VARIABLES:
            _warn_of(name)


@functools.lru_cache(maxsize=64)
def _warn_of(name: str) -> None:
    """Say once that a variable is not read, where its name is nearly a setting's; others may be somebody else's."""
    import difflib

    known = [variable.removeprefix(PREFIX) for variable in _VARIABLES]
    near = difflib.get_close_matches(name.removeprefix(PREFIX), known, n=1, cutoff=0.8)
    if near:
        _log.warning("the environment variable %s is not read; did you mean %s?", name, PREFIX + near[0])
