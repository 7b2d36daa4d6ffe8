"""Writes the reference pages that follow from the code: ``cli.md``, ``api.md``, ``configuration.md``
and ``hooks.md``.

``make docs`` runs it; a test fails where a page is not what it would write.
"""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parent

_CLI_HEAD = """# Command line

What each command does, and its options; `hookline COMMAND --help` prints the same. This page is generated from the
code.

Commands with a TARGET (`churn.py`, `churn.py:churn`, `package.module:churn`) take the workflow's own parameters as
options too: `hookline run churn.py --help` lists them. What commands exit with stands in [exit codes](exit-codes.md).
"""

_API_HEAD = """# Python

The names that `hookline` exports. This page is generated from the code.
"""

_CONFIGURATION_HEAD = """# Settings

What can be set for a project, a shell or one call; [how to](../how-to/configuration.md) shows it. This page is
generated from the code.

A call in Python or an option on the command line comes before the environment variable, this before the key in the
table of the environment, this before the key in the table `[tool.hookline]` of the project's `pyproject.toml`, this
before the default. An empty variable counts as not set.
"""

_LIMITS_HEAD = """## Limits

The table `[tool.hookline.limits]` has names of steps, or tags, as keys and {takes} as values. {about} An attempt counts
towards every limit that its step's name or one of its tags has, on whatever executor it runs, and towards the step's
own `limit=`; runs do not count each other's.
"""

_RAY_HEAD = """## Ray

The keys of the table `[tool.hookline.ray]`, which are for the executor `ray`. Whoever gives `--ray-address`, or
`ray_address=` in Python, and no executor, runs on that. A resumed run goes on at the address that it was started with,
unless the call gives another. [How to run on Ray](../how-to/ray.md).
"""

_PLUGINS_HEAD = """## Plugins

The table `[tool.hookline.plugins]` has the keys `allow` and `deny`, which take lists of {takes}; the variable
`{variable}` takes them with commas. {about}
"""

_TABLES_HEAD = """## Tables by name

Each holds a table for every name, such as `[tool.hookline.step."data.validate"]`; names with dots are quoted.
[How to](../how-to/environments.md) shows them.

| table | |
|---|---|
"""

_GIVEN_HEAD = """## What these give

Classes of which users get objects, and make none themselves.
"""

_GIVEN = {
    "Attempt": "model.attempt",
    "Backfill": "model.workflow",
    "Options": "model.options",
    "Partition": "model.partitions",
    "Plan": "model.plan",
    "PlannedTask": "model.plan",
    "RecordedStore": "engine.past.recorded",
    "RunSummary": "model.run",
    "Step": "model.step",
    "StepSummary": "model.run",
    "TaskFailure": "model.run",
    "TaskRecord": "model.run",
    "Workflow": "model.workflow",
}


_HOOKS_HEAD = """# Hooks

The points at which hookline asks plugins; [the tutorial](../tutorial-plugin.md) shows how one is written, and
[how plugins work](../plugins.md) in which order they are called. An implementation is decorated with `@hookimpl`, and
takes those of the hook's arguments that it names. This page is generated from the code.
"""

_FACTS_HEAD = """## What hooks are given

Facts are frozen; what changes arguments or results is `rewrite_graph`, whose `graph` stands in
[the Python reference](api.md).
"""

_ML_HEAD = """# `hookline.ml`

The nouns that plugins exchange: frozen dataclasses without dependencies. [How to keep a plugin's
state](../how-to/plugin-state.md) shows some of them. This page is generated from the code.
"""

_TESTING_HEAD = """# `hookline.testing`

What authors of workflows and plugins test with; the how-to pages on [workflows](../how-to/test-workflows.md) and
[plugins](../how-to/test-plugins.md) show it. The pytest fixtures `project`, `executor`, `clock`, `recording_executor`
and `memory_store` are there wherever hookline is installed. This page is generated from the code.
"""

_DATA_HEAD = """# The plugin `data`

What comes with `pip install 'hookline[data]'`: steps for workflows in Python and YAML, names to import from
`hookline_data`, commands, settings. How to [declare sources](../how-to/data-sources.md),
[validate](../how-to/validate-data.md), [keep versions](../how-to/dataset-versions.md), [join and
split](../how-to/split-without-leakage.md). This page is generated from the code.
"""

_FACTS = {
    "Plugin": "hooks.plugin",
    "WorkerFacts": "model.attempt_facts",
    "AttemptFacts": "model.attempt_facts",
    "Outcome": "model.attempt_facts",
    "RunEvent": "model.facts",
    "RunInfo": "model.facts",
    "TaskEvent": "model.facts",
    "TaskInfo": "model.facts",
}


def main() -> None:
    """Write the pages."""
    for page, text in pages().items():
        page.write_text(text, encoding="utf-8")
        print(page.relative_to(ROOT))


def pages() -> dict[Path, str]:
    """Give each page's path and text."""
    return {
        HERE / "reference" / "cli.md": cli_page(),
        HERE / "reference" / "api.md": api_page(),
        HERE / "reference" / "configuration.md": configuration_page(),
        HERE / "reference" / "hooks.md": hooks_page(),
        HERE / "reference" / "data.md": plugin_page("data", "hookline_data", _DATA_HEAD),
        HERE / "reference" / "ml.md": module_page("ml", _ML_HEAD),
        HERE / "reference" / "testing.md": module_page("testing", _TESTING_HEAD) + _suites(),
    }


# -- the command line --------------------------------------------------------------------------------------------------


def cli_page() -> str:
    """Describe all commands."""
    from hookline.cli.app import COMMANDS, load_command

    lines = [_CLI_HEAD]
    for name in COMMANDS:
        lines += _command_lines(f"hookline {name}", load_command(name))
    return "\n".join(lines).rstrip() + "\n"


def _command_lines(path: str, command: Any) -> Iterator[str]:
    from typer import Context

    context = Context(command, info_name=path, resilient_parsing=True)
    inner = getattr(command, "commands", {})
    if inner:
        for name, child in inner.items():
            yield from _command_lines(f"{path} {name}", child)
        return
    if hasattr(command, "extra_rows"):
        command.parse_args(context, [])  # commands with a target make some of their options there
    parameters = [parameter for parameter in command.get_params(context) if not getattr(parameter, "hidden", False)]
    arguments = [parameter for parameter in parameters if parameter.param_type_name == "argument"]
    usage = " ".join([path, *map(_metavar, arguments), "[OPTIONS]"])
    yield from (f"## {path.removeprefix('hookline ')}", "", f"`{usage}`", "", inspect.cleandoc(command.help or ""), "")
    rows = [_row(parameter, context) for parameter in parameters if parameter.name != "help"]
    if rows:
        yield from ("| | |", "|---|---|", *rows, "")


def _row(parameter: Any, context: Any) -> str:
    if parameter.param_type_name == "argument":
        return f"| `{_metavar(parameter)}` | {_cell(parameter.help or '')} |"
    record = parameter.get_help_record(context)
    return f"| `{record[0]}` | {_cell(record[1])} |"


def _metavar(argument: Any) -> str:
    return str(argument.metavar or argument.name.upper())


# -- settings ----------------------------------------------------------------------------------------------------------


def configuration_page() -> str:
    """Describe all settings."""
    from hookline.config import ENV, LIMITS, PLUGINS, RAY, SETTINGS, TABLES

    # In the file, the key "env" holds the environments.
    lines = [
        _CONFIGURATION_HEAD,
        *_setting_rows(("" if setting is ENV else setting.name, setting) for setting in (ENV, *SETTINGS)),
    ]
    lines += ["", _RAY_HEAD, *_setting_rows((setting.name, setting) for setting in RAY)]
    lines += ["", _LIMITS_HEAD.format(takes=LIMITS.takes, about=LIMITS.about)]
    lines.append(_PLUGINS_HEAD.format(takes=PLUGINS.takes, variable=PLUGINS.variable, about=_plain(PLUGINS.about)))
    lines.append(_TABLES_HEAD.rstrip())
    lines += [f"| `[tool.hookline.{table.name}.NAME]` | {_cell(table.about)} |" for table in TABLES]
    return "\n".join(lines).rstrip() + "\n"


def _setting_rows(settings: Iterable[tuple[str, Any]]) -> Iterator[str]:
    yield from ("| key | takes | default | variable | option | |", "|---|---|---|---|---|---|")
    for key, setting in settings:
        default = setting.unset or f"`{_toml(setting.default)}`"
        variable, option = (f"`{name}`" if name else "none" for name in (setting.variable, setting.option))
        shown = f"`{key}`" if key else ""
        yield f"| {shown} | {_cell(setting.takes)} | {default} | {variable} | {option} | {_cell(setting.about)} |"


def _toml(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


# -- hooks -------------------------------------------------------------------------------------------------------------


@functools.cache
def _package() -> Any:
    """Read all of hookline's code, which takes a second."""
    import griffe

    return griffe.load("hookline", search_paths=[str(ROOT / "core")], docstring_parser="google")


def hooks_page() -> str:
    """Describe all hooks, and what they are given."""
    from hookline.hooks import specs
    from hookline.hooks.where import IN_WORKERS_ONLY, IN_WORKERS_TOO

    package = _package()
    hooks = {
        name: thing
        for name, thing in package["hooks.specs"].members.items()
        if hasattr(vars(specs).get(name), "hookline_spec")
    }
    lines = [_HOOKS_HEAD, "| hook | called in | |", "|---|---|---|"]
    for name, hook in hooks.items():
        where = (
            "workers" if name in IN_WORKERS_ONLY else "the driver, workers" if name in IN_WORKERS_TOO else "the driver"
        )
        lines.append(f"| [`{name}`](#{name}) | {where} | {_cell(hook.docstring.value.partition(chr(10))[0])} |")
    lines.append("")
    for name, hook in hooks.items():
        lines += _object_lines(name, hook, 2)
    lines.append(_FACTS_HEAD)
    for name, home in _FACTS.items():
        lines += _fact_lines(name, package[f"{home}.{name}"])
    return "\n".join(lines).rstrip() + "\n"


def _fact_lines(name: str, thing: Any) -> Iterator[str]:
    """Describe a class by its fields, which are documented in the class's docstring or below each."""
    yield from (f"### {name}", "", *_docstring(thing))
    members = [(member, inner) for member, inner in thing.members.items() if not member.startswith("_")]
    fields = [(member, inner) for member, inner in members if not inner.is_function and inner.docstring is not None]
    if fields:
        rows = (f"| `{member}` | {_cell(_first_paragraph(inner))} |" for member, inner in fields)
        yield from ("| | |", "|---|---|", *rows, "")
    for member, inner in members:
        if inner.is_function and inner.docstring is not None:
            yield from _object_lines(f"{name}.{member}", inner, 4)


def _first_paragraph(thing: Any) -> str:
    return str(thing.docstring.value).partition("\n\n")[0]


# -- Python ------------------------------------------------------------------------------------------------------------


def api_page() -> str:
    """Describe the exported names."""
    import hookline

    package = _package()
    lines = [_API_HEAD]
    for name in sorted(hookline._HOMES, key=str.lower):
        home = hookline._HOMES[name].removeprefix("hookline.")
        lines += _object_lines(name, package[f"{home}.{name}"], 2)
    lines.append(_GIVEN_HEAD)
    for name, home in _GIVEN.items():
        lines += _object_lines(name, package[f"{home}.{name}"], 3)
    return "\n".join(lines).rstrip() + "\n"


def module_page(module: str, head: str) -> str:
    """Describe what a public module exports.

    Args:
        module: Its name below hookline's.
        head: The beginning of the page.
    """
    import importlib

    package = _package()
    exported = importlib.import_module(f"hookline.{module}")
    lines = [head]
    for name in sorted(exported.__all__, key=str.lower):
        thing = getattr(exported, name)
        home = getattr(thing, "__module__", "") or ""
        if callable(thing) and home.startswith("hookline."):
            lines += _object_lines(name, package[f"{home.removeprefix('hookline.')}.{name}"], 2)
    return "\n".join(lines).rstrip() + "\n"


# -- plugins -----------------------------------------------------------------------------------------------------------


def plugin_page(name: str, package: str, head: str) -> str:
    """Describe a plugin that comes with hookline: its steps, names, commands and settings.

    Args:
        name: The plugin's name.
        package: The package that holds it.
        head: The beginning of the page.
    """
    import importlib

    import griffe

    exported = importlib.import_module(package)
    read = griffe.load(package, search_paths=[str(ROOT / "plugins")], docstring_parser="google")
    lines = [head, "## Steps", "", "| `uses:` | |", "|---|---|"]
    lines += [f"| `{name}.{step}` | {_cell(summary)} |" for step, summary in _named_steps(f"{package}.plugin")]
    lines += ["", "## Names", ""]
    for public in sorted(exported.__all__, key=str.lower):
        home = exported._HOMES[public].removeprefix(f"{package}.")
        thing = read[f"{home}.{public}"]
        lines += _object_lines(public, thing.final_target if thing.is_alias else thing, 3)
    lines += ["## Commands", "", *_plugin_commands(name), "## Settings", ""]
    settings = read["settings"].classes.values()
    for kind in settings:
        lines += _docstring(kind)
    return "\n".join(lines).rstrip() + "\n"


def _named_steps(module: str) -> list[tuple[str, str]]:
    import importlib

    found: list[tuple[str, str]] = []

    def register(name: str, target: object, *, summary: str = "") -> None:  # noqa: ARG001 - as hookline calls it
        found.append((name, summary))

    importlib.import_module(module).register_steps(register=register)
    return sorted(found)


def _plugin_commands(name: str) -> Iterator[str]:
    from hookline.cli.plugin_commands import plugin_commands

    group = plugin_commands(())[name].load()
    for word in group.list_commands(None):
        for line in _command_lines(f"hookline {name} {word}", group.get_command(None, word)):
            yield f"#{line}" if line.startswith("## ") else line


# -- what is tested with -----------------------------------------------------------------------------------------------


def _suites() -> str:
    """Describe the contract suites."""
    package = _package()
    lines = ["", "## Contract suites", "", "Test classes to inherit from.", ""]
    for name, module in sorted(package["testing.contracts"].modules.items()):
        for kind in module.classes.values():
            if kind.name.endswith("Contract"):
                path = f"hookline.testing.contracts.{name}"
                lines += [f"### {kind.name}", "", f"`from {path} import {kind.name}`", "", *_docstring(kind)]
                members = kind.functions.items()
                tests = [inner for member, inner in members if member.startswith("test_") and inner.docstring]
                lines += [f"- {_first_paragraph(test)}".replace("\n", " ") for test in tests]
                lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _object_lines(name: str, thing: Any, level: int) -> Iterator[str]:
    yield from (f"{'#' * level} {name}", "")
    if thing.is_function:
        yield from ("```text", *_signature(name, thing), "```", "")
    yield from _docstring(thing)
    if thing.is_class:
        for member, inner in thing.members.items():
            public = not member.startswith("_") and inner.docstring is not None
            if public and (inner.is_function or "property" in inner.labels):
                yield from _object_lines(f"{name}.{member}", inner, level + 1)


def _signature(name: str, function: Any) -> Iterator[str]:
    overloads = function.overloads or [function]
    for one in overloads:
        text = str(one.signature()).replace(f"{one.name}(", f"{name}(", 1)
        if len(text) <= 100:
            yield text
            continue
        opening, _, rest = text.partition("(")
        inside, _, returned = rest.rpartition(")")
        yield f"{opening}("
        yield from (f"    {part}," for part in _split(inside))
        yield f"){returned}"


def _split(parameters: str) -> Iterator[str]:
    """Split at the commas that stand between parameters, not in their types."""
    depth, part = 0, ""
    for letter in parameters:
        depth += (letter in "([{") - (letter in ")]}")
        if letter == "," and not depth:
            yield part.strip()
            part = ""
        else:
            part += letter
    yield part.strip()


def _docstring(thing: Any) -> Iterator[str]:
    for section in thing.docstring.parsed if thing.docstring is not None else ():
        kind, value = section.kind.value, section.value
        if kind == "text":
            yield from (_plain(value), "")
        elif kind == "examples":
            for form, text in value:
                yield from (("```text", text, "```", "") if form.value == "examples" else (_plain(text), ""))
        elif kind in ("parameters", "attributes"):
            yield from ("| | |", "|---|---|", *(f"| `{one.name}` | {_cell(one.description)} |" for one in value), "")
        elif kind in ("returns", "yields"):
            yield from (f"Gives: {_plain(' '.join(one.description for one in value))}", "")
        elif kind == "raises":
            yield from (f"- raises `{one.annotation}`: {_plain(one.description)}" for one in value)
            yield ""
        elif kind == "admonition":
            yield from (f"*{section.title}:* {_plain(value.description)}", "")


def _cell(text: str) -> str:
    return _plain(" ".join(text.split())).replace("|", "\\|")


def _plain(text: str) -> str:
    """Turn the roles of docstrings into Markdown."""
    text = re.sub(r":[a-z]+:`~?([\w.]*?)(\w+)`", r"`\2`", text)
    return text.replace("``", "`")


if __name__ == "__main__":
    main()
