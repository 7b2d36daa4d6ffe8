"""Commands that plugins add: entry points of the group ``hookline.commands``, imported when they are called.

The entry ``data.versions`` is ``hookline data versions``. What it names is a plain function: its signature says which
arguments and options there are, its docstring is the help. What has no default is an argument, and so is what the
function takes by position only; the rest are options.
"""

from __future__ import annotations

import functools
import importlib
import inspect
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from hookline.cli.output import reader_left, say
from hookline.cli.sections import SectionedCommand
from hookline.cli.wording import clean
from hookline.errors import HooklineError, PluginError
from hookline.hooks.faults import raised
from hookline.hooks.metadata import Entry, entries

__all__ = ["GROUP", "PluginCommand", "plugin_commands"]

GROUP = "hookline.commands"
"""The group of entry points that name commands."""

_BY_POSITION = inspect.Parameter.POSITIONAL_ONLY


@dataclass(slots=True)
class PluginCommand:
    """A command, or a group of them, that distributions bring.

    Attributes:
        name: Its first word.
        entries: The entry points by second word; an empty one for the command itself.
        clashes: Entries that are there more than once.
    """

    name: str
    entries: dict[str, Entry] = field(default_factory=dict)
    clashes: list[tuple[Entry, Entry]] = field(default_factory=list)

    @property
    def sources(self) -> str:
        """Who brings it."""
        return ", ".join(sorted({entry.source for entry in self.entries.values()}))

    def load(self) -> Any:
        """Import it and make the command; of a group each is imported when it is called.

        Raises:
            PluginError: It can't be imported, is there more than once, or is no function.
        """
        for one, other in self.clashes:
            raise PluginError(
                f"the command '{one.name}' is registered twice: by {one.source} and by {other.source}",
                help=f"uninstall one of the two: pip uninstall {other.distribution}",
            )
        if "" in self.entries:
            if len(self.entries) > 1:
                more = next(entry for word, entry in self.entries.items() if word)
                raise PluginError(
                    f"the command '{self.name}' of {self.entries[''].source} has a command '{more.name}' below it",
                    help="report it to whoever wrote the plugin: a command is either a function or a group",
                )
            return _command(self.entries[""], self.name)
        return _Group(self)

    def stub(self) -> Any:
        """Give what lists show of it, without an import."""
        words = ", ".join(sorted(filter(None, self.entries)))
        told = f"{words} (commands of {self.sources})." if words else f"A command of {self.sources}."
        return TyperCommand(name=self.name, help=told, rich_markup_mode=None)


class _Group(TyperGroup):
    """Commands with one first word; one that is broken is no hindrance to the others."""

    def __init__(self, of: PluginCommand) -> None:
        super().__init__(name=of.name, help=f"Commands of {of.sources}.", rich_markup_mode=None)
        self._entries = of.entries

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        rest: list[str] = super().parse_args(ctx, args or ["--help"])
        return rest

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - typer's signature
        return sorted(self._entries)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002 - typer's signature
        """Give what the group's help shows of a command."""
        entry = self._entries.get(cmd_name)
        try:
            return entry and _command(entry, cmd_name)
        except PluginError as error:
            return TyperCommand(name=cmd_name, help=clean(error.message), rich_markup_mode=None)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and args[0] in self._entries:
            return args[0], _command(self._entries[args[0]], args[0]), args[1:]
        # Typer looks for near names among these.
        self.commands = {word: TyperCommand(name=word) for word in self._entries}
        return super().resolve_command(ctx, args)


def plugin_commands(reserved: Collection[str]) -> dict[str, PluginCommand]:
    """Find the commands that installed distributions bring; nothing of them is imported.

    Args:
        reserved: Names of the core's own commands, which these can't have.

    Returns:
        The commands by their first word.
    """
    found: dict[str, PluginCommand] = {}
    for entry in entries(GROUP):
        name, _, word = entry.name.partition(".")
        if name in reserved:
            continue
        command = found.setdefault(name, PluginCommand(name))
        other = command.entries.setdefault(word, entry)
        if other is not entry:
            command.clashes.append((other, entry))
    return found


def _command(entry: Entry, name: str) -> Any:
    from hookline.graph.docstrings import docstring_parameters, docstring_text  # --help of all commands needs none

    function = _function(entry)
    docstring = function.__doc__ or ""
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    app.command(cls=SectionedCommand, help=docstring_text(docstring))(function)
    command: Any = get_command(app)
    command.name = name
    about = docstring_parameters(docstring)
    for parameter in command.params:
        parameter.help = parameter.help or about.get(parameter.name)
    return command


def _function(entry: Entry) -> Any:
    module, _, attribute = entry.value.partition(":")
    try:
        found: Any = importlib.import_module(module)
        for part in filter(None, attribute.split(".")):
            found = getattr(found, part)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise PluginError(
            f"the command '{entry.name}' of {entry.source} can't be imported: {raised(error)}",
            help=f"install what it needs, or uninstall it: pip uninstall {entry.distribution}",
        ) from error
    if not inspect.isfunction(found):
        raise PluginError(
            f"the command '{entry.name}' of {entry.source} is no function: '{entry.value}'",
            help="report it to whoever wrote the plugin: a command is a plain function",
        )
    return _guarded(entry, found)


def _guarded(entry: Entry, function: Callable[..., Any]) -> Callable[..., Any]:
    """Let what a command raises be told as its own, and ``sys.exit`` end it as it ends a script."""
    by_position = [
        name for name, parameter in inspect.signature(function).parameters.items() if parameter.kind is _BY_POSITION
    ]

    @functools.wraps(function)
    def call(**kwargs: Any) -> Any:
        try:
            result = function(*[kwargs.pop(name) for name in by_position], **kwargs)
        except (HooklineError, typer.Exit, typer.Abort, typer.BadParameter):
            raise
        except SystemExit as done:
            if isinstance(done.code, str):
                say(clean(done.code))
            raise typer.Exit(done.code if isinstance(done.code, int) else int(done.code is not None)) from None
        except Exception as error:
            if isinstance(error, BrokenPipeError) and reader_left():
                return None  # as with the core's own commands, nobody minds
            raise PluginError(
                f"the command '{entry.name}' of {entry.source} failed: {raised(error)}",
                help="report it to whoever wrote the plugin; --debug shows the whole traceback",
            ) from error
        return result if isinstance(result, int) else None

    if by_position:
        _by_keyword(call, by_position)
    return call


def _by_keyword(call: Any, by_position: Sequence[str]) -> None:
    """Let typer, which knows keywords only, see arguments where a function takes something by position only."""
    signature = inspect.signature(call, eval_str=True)
    keyword = inspect.Parameter.POSITIONAL_OR_KEYWORD
    parameters = [
        parameter.replace(kind=keyword, annotation=Annotated[parameter.annotation, typer.Argument()])
        if parameter.name in by_position
        else parameter
        for parameter in signature.parameters.values()
    ]
    call.__signature__ = signature.replace(parameters=parameters)
    call.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
