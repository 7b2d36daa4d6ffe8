"""One plugin as ``hookline plugins show`` tells of it."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

from hookline.cli.wording import one_line
from hookline.config import configure
from hookline.errors import PluginError, UsageError, close_match
from hookline.hooks.loader import found_plugins, load_plugins
from hookline.hooks.plugin_set import LoadedPlugin, PluginSet
from hookline.model.registry import Registry

__all__ = ["plugin_document", "plugin_page"]


def plugin_document(name: str) -> dict[str, Any]:
    """Describe a plugin.

    Args:
        name: Its name.

    Raises:
        UsageError: There is none of that name.
        PluginError: It is off, or faulty.
    """
    configuration = configure()
    names = [plugin.name for plugin in found_plugins(configuration.root)]
    if name not in names:
        raise UsageError(
            f"there is no plugin '{name}';{close_match(name, names)}".rstrip(";"),
            help="hookline plugins list shows those that there are",
        )
    plugins = load_plugins(configuration)
    for plugin in plugins.plugins:
        if plugin.module.found.name == name:
            return _document(plugin, plugins)
    why = plugins.absent[name].removeprefix("which ")
    raise PluginError(
        f"the plugin '{name}' {why}",
        help="mend it, or install what it needs"
        if why.startswith("can't")
        else "hookline config show --origin tells which settings say so",
    )


def plugin_page(document: dict[str, Any]) -> Iterator[str]:
    """Write what there is to know of a plugin."""
    yield f"plugin {document['name']}: {document['source']}"
    if document["summary"]:
        yield f"  {one_line(document['summary'])}"
    for title in ("requires", "conflicts", "before", "after", "hooks"):
        if document[title]:
            yield f"  {title.ljust(11)} {', '.join(document[title])}"
    for kind in ("steps", "executors", "stores", "serializers", "digests", "secrets", "load_policies"):
        for entry in document[kind]:
            word = kind.replace("_", " ").ljust(11)
            yield f"  {word} {one_line(entry['name'])}  {one_line(entry['summary'])}".rstrip()
    for setting in document["settings"]:
        yield f"  {'setting'.ljust(11)} {setting['name']} = {one_line(setting['value'])}"


def _document(plugin: LoadedPlugin, plugins: PluginSet) -> dict[str, Any]:
    says, found = plugin.module.plugin, plugin.module.found
    registries: dict[str, Registry[Any]] = {
        "steps": plugins.steps,
        "executors": plugins.executors,
        "stores": plugins.stores,
    }
    kinds = ("serializers", "digests", "secrets", "load_policies")
    return {
        "name": plugin.name,
        "source": found.source,
        "module": found.module,
        "summary": (inspect.getdoc(plugin.module.module) or "").partition("\n")[0],
        "api": says.api,
        "requires": list(says.requires),
        "conflicts": list(says.conflicts),
        "before": list(says.before),
        "after": list(says.after),
        "hooks": list(plugin.hooks),
        **{kind: _entries(registry, found.source) for kind, registry in registries.items()},
        **{
            kind: [
                {"name": entry.name, "summary": ", ".join(entry.types)}
                for entry in plugins.values
                if (entry.hook, entry.source) == (f"register_{kind}", found.source)
            ]
            for kind in kinds
        },
        "settings": [{"name": name, "value": repr(value)} for name, value in _settings(plugin.settings)],
    }


def _entries(registry: Registry[Any], source: str) -> list[dict[str, str]]:
    named = [registry.entry(name) for name in registry.names()]
    return [{"name": entry.name, "summary": entry.summary} for entry in named if entry.source == source]


def _settings(settings: object) -> list[tuple[str, object]]:
    if settings is None:
        return []
    names = getattr(type(settings), "__dataclass_fields__", None) or getattr(type(settings), "model_fields", None) or ()
    return [(name, getattr(settings, name)) for name in names]
