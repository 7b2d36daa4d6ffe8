"""One plugin's module: imported, and looked over for faults before anything of it is called."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from hookline.errors import PluginError, close_match
from hookline.hooks import specs
from hookline.hooks.discovery import LOCAL, FoundPlugin, stamp_of
from hookline.hooks.marker import MARK
from hookline.hooks.plugin import API, Plugin
from hookline.hooks.where import IN_WORKERS_ONLY

__all__ = ["SPECS", "PluginModule", "Spec", "check_function", "check_module", "import_plugin", "parameters_of"]

_ATTRIBUTE = "plugin"
Spec = tuple[str, ...]
"""The arguments that a hook offers."""


@dataclass(frozen=True, slots=True)
class PluginModule:
    """A plugin whose module has been imported.

    Attributes:
        found: Where it comes from.
        plugin: What it says about itself.
        module: The module.
    """

    found: FoundPlugin
    plugin: Plugin
    module: ModuleType

    @property
    def name(self) -> str:
        """The plugin's name."""
        return self.plugin.name

    def __str__(self) -> str:
        return f"plugin '{self.name}' ({self.found.source})"


def parameters_of(function: Callable[..., Any]) -> Spec:
    """Name the arguments of a function; of a decorated one, whose wrapper hides what it takes, those of the inner."""
    return tuple(inspect.signature(function).parameters)


SPECS: Mapping[str, Spec] = {
    name: parameters_of(thing) for name, thing in vars(specs).items() if hasattr(thing, "hookline_spec")
}
"""The core's own hooks."""


def _import_module(name: str, file: str) -> ModuleType:
    """Import a plugin's module, by its name or, where it is the project's own, from its file.

    Raises:
        Exception: Whatever its import raises.
    """
    if not file:
        return importlib.import_module(name)
    known, stamp = sys.modules.get(name), stamp_of(Path(file))
    if known is not None and getattr(known.__spec__, "loader_state", None) == (file, stamp):
        return known
    # Its text, not its cached bytecode: that goes by seconds and size, which a quick edit can leave equal.
    code = compile(Path(file).read_bytes(), file, "exec")
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    spec.loader_state = (file, stamp)
    module = importlib.util.module_from_spec(spec)
    # Where pickle looks for the classes of its settings, here and in workers.
    sys.modules[name] = module
    try:
        exec(code, vars(module))
    except BaseException:
        del sys.modules[name]
        raise
    return module


def import_plugin(found: FoundPlugin) -> PluginModule:
    """Import a plugin.

    Args:
        found: The plugin.

    Returns:
        Its module, which is not looked over yet.

    Raises:
        PluginError: It says nothing about itself, or is made for another version.
        Exception: Whatever its import raises.
    """
    if ":" in found.module:
        raise PluginError(
            f"the entry point of plugin '{found.name}' ({found.source}) names '{found.module}', which is no module",
            help=f"name the module alone: '{found.module.partition(':')[0]}'",
        )
    module = _import_module(found.module, found.file)
    plugin = getattr(module, _ATTRIBUTE, None)
    if plugin is None and found.file:
        plugin = Plugin(LOCAL)
    if not isinstance(plugin, Plugin):
        raise PluginError(
            f"the plugin '{found.name}' ({found.source}) has no attribute 'plugin' in its module '{found.module}'",
            help=f"write plugin = Plugin('{found.name}') there (from hookline import Plugin)",
        )
    if plugin.name != found.name:
        if found.file:
            raise PluginError(
                f"the plugin '{plugin.name}' ({found.source}) is the project's own, whose name is '{LOCAL}'",
                help=f"write plugin = Plugin('{LOCAL}'), or give it a name and an entry point in a package of its own",
            )
        raise PluginError(
            f"the plugin '{plugin.name}' ({found.source}) is called '{found.name}' by its entry point",
            help="give both the same name",
        )
    if plugin.api != API:
        raise PluginError(
            f"the plugin '{plugin.name}' ({found.source}) is made for version {plugin.api} of the plugin interface;"
            f" this hookline has version {API}",
            help="upgrade hookline"
            if plugin.api > API
            else f"upgrade the plugin, or switch it off: --without {found.name}",
        )
    return PluginModule(found, plugin, module)


def check_module(loaded: PluginModule, known: Mapping[str, Spec]) -> dict[str, Callable[..., Any]]:
    """Look a plugin's module over.

    Args:
        loaded: The plugin.
        known: All hooks that there are, with their arguments: the core's and those of plugins.

    Returns:
        Its implementations, by hook.

    Raises:
        PluginError: Something is wrong; all of it is named.
    """
    problems: list[str] = []
    implementations: dict[str, Callable[..., Any]] = {}
    for name, function, marked in _candidates(loaded.module):
        if not marked:
            if name in known and getattr(function, "__module__", None) == loaded.module.__name__:
                problems.append(f"'{name}' is called like a hook but is not marked; put @hookimpl on it")
        elif name not in known:
            if not getattr(function, MARK)["optionalhook"]:
                problems.append(f"there is no hook '{name}';{close_match(name, known)}".rstrip(";"))
        else:
            problems.extend(_faults(name, function, known[name]))
            implementations[name] = function
    problems.extend(_misplaced(loaded.module, known))
    _refuse(loaded, problems)
    return implementations


def check_function(loaded: PluginModule, hook: str, function: Callable[..., Any], offered: Spec) -> None:
    """Look one implementation over, before the hooks that there are are known.

    Args:
        loaded: The plugin.
        hook: The hook.
        function: The implementation.
        offered: The hook's arguments.

    Raises:
        PluginError: Something is wrong; all of it is named.
    """
    _refuse(loaded, list(_faults(hook, function, offered)))


def _refuse(loaded: PluginModule, problems: Sequence[str]) -> None:
    if problems:
        raise PluginError(
            f"the {loaded} has faults:\n  - " + "\n  - ".join(problems),
            help=f"mend them, or switch it off: --without {loaded.name}",
        )


def _candidates(module: ModuleType) -> Iterator[tuple[str, Callable[..., Any], bool]]:
    for name, thing in vars(module).items():
        if inspect.isfunction(thing) and not hasattr(thing, "hookline_spec"):
            yield name, thing, hasattr(thing, MARK)


def _misplaced(module: ModuleType, known: Mapping[str, Spec]) -> Iterator[str]:
    """Find what was meant as an implementation, and would never be called."""
    for name, thing in vars(module).items():
        if inspect.isfunction(thing) or not callable(thing):
            continue
        own = inspect.isclass(thing) and thing.__module__ == module.__name__
        if name in known:
            yield f"'{name}' is called like a hook and is no function; write one"
        elif own and (method := next((key for key, value in vars(thing).items() if hasattr(value, MARK)), "")):
            yield f"'{method}' stands in the class '{name}'; hooks are functions of the module"


def _faults(name: str, function: Callable[..., Any], offered: Collection[str]) -> Iterator[str]:
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD, parameter.POSITIONAL_ONLY):
            yield f"'{name}' can't take '{parameter}'; arguments are given by name, and only those it names"
        elif parameter.name not in offered:
            near = close_match(parameter.name, offered)
            yield f"'{name}' has no argument '{parameter.name}';{near or ' it has ' + ', '.join(offered)}"
    generator = inspect.isgeneratorfunction(function)
    if name in IN_WORKERS_ONLY:
        if not generator:
            yield f"'{name}' is no generator; write one that yields once"
    elif generator or inspect.iscoroutinefunction(function):
        yield f"'{name}' is {'a generator' if generator else 'async'}; write a plain function"
