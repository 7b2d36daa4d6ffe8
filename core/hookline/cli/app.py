"""The command line as a whole: which commands there are, and how errors end it.

A command's module is imported when the command is called, so that ``hookline --help`` stays quick.
"""

from __future__ import annotations

import functools
import importlib
import sys
from collections.abc import Sequence
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from hookline.cli.exits import ExitCode
from hookline.cli.log import log_to_terminal
from hookline.cli.output import flush, prepare_streams, say, show, show_json, tell_error
from hookline.cli.plugin_commands import PluginCommand, plugin_commands
from hookline.cli.wording import clean, hint
from hookline.errors import HooklineError, WorkflowError
from hookline.model.masking import mask

__all__ = ["COMMANDS", "command_line", "main"]

COMMANDS = {
    "run": ("hookline.cli.run", "Run a workflow; what is recorded already is reused."),
    "plan": ("hookline.cli.plan", "Tell what a run would do now, and why, without running anything."),
    "why": ("hookline.cli.why", "Tell why tasks of a run ran, were reused or skipped."),
    "graph": ("hookline.cli.graph", "Draw a workflow's task graph."),
    "check": ("hookline.cli.check", "Build a workflow's task graph and report all problems, without running anything."),
    "backfill": (
        "hookline.cli.backfill",
        "Run a workflow once for each of several values, reusing what is recorded.",
    ),
    "resume": ("hookline.cli.resume", "Go on with a run that failed or was interrupted."),
    "runs": ("hookline.cli.runs", "List runs, show one, read what its tasks printed, stop one, or delete some."),
    "artifacts": ("hookline.cli.artifacts", "List, show, write out, verify and clean up what runs stored."),
    "steps": ("hookline.cli.steps", "List the steps that plugins bring, or show how one is used."),
    "schema": (
        "hookline.cli.schema",
        "Print the JSON Schema of YAML workflows, with the steps of the project's plugins, for editors.",
    ),
    "store": ("hookline.cli.store", "Measure a store, or upgrade it to the newest format."),
    "config": ("hookline.cli.config", "Show the settings that hold here, and where each comes from."),
    "plugins": ("hookline.cli.plugins", "List plugins, show one, check one, or begin a new one."),
    "init": ("hookline.cli.init", "Begin a project: a workflow that runs, its tests, and settings."),
    "doctor": ("hookline.cli.doctor", "Check that this machine can run workflows, and say what to mend."),
}
"""Name to module, and the first line of the command's docstring."""


class _LazyGroup(TyperGroup):
    """Knows its commands by name and summary, the core's and those of plugins; imports the one that is called."""

    @functools.cached_property
    def plugins(self) -> dict[str, PluginCommand]:
        """The commands of plugins, by name."""
        return plugin_commands(COMMANDS)

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - typer's signature
        return [*COMMANDS, *sorted(self.plugins)]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002 - typer's signature
        if cmd_name in COMMANDS:
            return TyperCommand(name=cmd_name, help=COMMANDS[cmd_name][1], rich_markup_mode=None)
        return self.plugins[cmd_name].stub() if cmd_name in self.plugins else None

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and args[0] in COMMANDS:
            return args[0], load_command(args[0]), args[1:]
        # Typer looks for near names among these.
        self.commands = {name: self.get_command(ctx, name) for name in self.list_commands(ctx)}
        name, command, rest = super().resolve_command(ctx, args)
        return name, command and self.plugins[name or ""].load(), rest


def load_command(name: str) -> Any:
    """Import a command's module and make the command."""
    app: typer.Typer = importlib.import_module(COMMANDS[name][0]).app
    command = get_command(app)
    command.name = name
    return command


def command_line() -> Any:
    """Make the command line."""
    app = typer.Typer(cls=_LazyGroup, rich_markup_mode=None, context_settings={"help_option_names": ["-h", "--help"]})

    @app.callback(
        invoke_without_command=True,
        epilog="First steps: hookline init FOLDER, or hookline run FILE; then hookline runs show last. Settings come "
        "from options, variables such as HOOKLINE_STORE, and [tool.hookline] in pyproject.toml: hookline config show. "
        "NO_COLOR turns colours off.",
    )
    def hookline(
        context: typer.Context,
        version: bool = typer.Option(False, "--version", "-V", help="Show the version and exit."),
    ) -> None:
        """Run machine-learning workflows: durable, explainable, and never the same work twice."""
        if version:
            from importlib.metadata import version as version_of

            show(f"hookline {version_of('hookline')}")
        elif context.invoked_subcommand is None:
            show(context.get_help())

    return get_command(app)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line.

    Args:
        argv: What follows the program's name; by default what the shell gave.

    Returns:
        What to exit with.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    prepare_streams()
    log_to_terminal()
    switches = arguments[: arguments.index("--")] if "--" in arguments else arguments
    try:
        return _call(arguments)
    except Exception as error:  # noqa: BLE001 - the outermost place: whatever it is, it is reported
        return _report(error, debug="--debug" in switches, as_json="--json" in switches)
    except KeyboardInterrupt:
        say("interrupted")
        return ExitCode.SIGINT
    finally:
        flush()


def _call(arguments: list[str]) -> int:
    try:
        result = command_line().main(arguments, prog_name="hookline", standalone_mode=False)
    except typer.Exit as done:
        return done.exit_code
    except typer.Abort:
        raise KeyboardInterrupt from None
    except SystemExit as done:
        # How typer ends after completing a word, and when the reader of its help went away.
        return done.code if isinstance(done.code, int) else ExitCode.DONE
    return int(result or 0)


def _report(error: Exception, debug: bool, as_json: bool) -> int:
    if debug:
        import traceback

        say(clean("".join(traceback.format_exception(error))).rstrip())
    message, remedy, code = _described(error)
    message, remedy = mask(message), mask(remedy)
    internal = code == ExitCode.INTERNAL
    tell_error(message, remedy, "internal error" if internal else "error")
    if as_json:
        show_json({"error": message, "help": remedy, "exit_code": int(code)})
    return code


def _described(error: Exception) -> tuple[str, str, int]:
    if isinstance(error, HooklineError):
        problems = error.problems if isinstance(error, WorkflowError) else ()
        lines = [error.message, *(f"  - {problem}".replace("\n", "\n    ") for problem in problems)]
        return clean("\n".join(lines)), clean(error.help), error.exit_code
    if isinstance(error, _typer_errors()):
        return _described_usage(error)
    place = _place(error)
    remedy = (
        f"this is a defect of hookline{place}; please report it with what you did"
        " and the traceback, which the option --debug shows"
    )
    return clean(f"{type(error).__name__}: {error}"), remedy, ExitCode.INTERNAL


def _typer_errors() -> tuple[type[Exception], ...]:
    # typer carries the class at the root of its errors under a private name; the public one is two steps below.
    return tuple(kind for kind in typer.BadParameter.__mro__[:3] if issubclass(kind, Exception))


def _described_usage(error: Any) -> tuple[str, str, int]:
    message = str(error.format_message()).rstrip(".")
    context = getattr(error, "ctx", None)
    where = context.command_path if context is not None else "hookline"
    option = getattr(error, "option_name", None)
    if option is not None and hasattr(error, "possibilities"):
        near = error.possibilities
        message = f"there is no option '{option}'{f'; did you mean {near[0]!r}?' if near else ''}"
    target = getattr(getattr(context, "obj", None), "name", "")
    words = [*where.split()[1:], *([target] if target else []), "--help"]
    return clean(message[:1].lower() + message[1:]), f"see {hint(*words)}", ExitCode.USAGE


def _place(error: Exception) -> str:
    trace = error.__traceback__
    if trace is None:
        return ""
    while trace.tb_next is not None:
        trace = trace.tb_next
    return f" ({trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno})"
