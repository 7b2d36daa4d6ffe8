"""Commands with a TARGET, which take the parameters of the workflow that it names as options of their own."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hookline.cli.invocation import Invocation
from hookline.cli.sections import SectionedCommand, keyword, made_by_typer
from hookline.cli.wording import clean
from hookline.errors import UsageError

if TYPE_CHECKING:
    from hookline.graph.parameters import ParameterDoc
    from hookline.model.workflow import Workflow

__all__ = ["WorkflowCommand", "find_target"]

_TARGET_SUFFIXES = (".py", ".yaml", ".yml")
_OUTPUT_ONLY = ("--json", "--debug", "--verbose", "-v", "-vv")
_LISTS = (list, tuple, set, frozenset)
_GIVEN_AS: dict[type, Any] = {bool: bool | None, list: list[str] | None}


class WorkflowCommand(SectionedCommand):
    """A command with a TARGET and the options ``-p`` and ``--params``; what is given lands in an :class:`Invocation`.

    The target is looked for before the options are parsed, because it tells which options there are.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._own = list(self.params)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Load the target, add its options, then parse."""
        given = _Given()
        self.params, self.extra_rows = [*made_by_typer(given.declared()), *self._own], {}
        written = find_target(args, self.params)
        if written is None or ctx.resilient_parsing:
            return super().parse_args(ctx, args)
        from hookline.worker.target import load_target

        # Even before options are parsed, none of the plugins is to be imported that this leaves out.
        target = load_target(written, plugins=() if "--no-plugins" in args else None)
        invocation = Invocation(written, target, [arg for arg in args if arg not in _OUTPUT_ONLY])
        ctx.obj = invocation
        ctx.token_normalize_func = _normalised
        self._add_parameters(ctx, invocation)
        rest = super().parse_args(ctx, args)
        if given.target != written:
            raise UsageError(
                f"can't tell whether '{written}' or '{given.target}' is the workflow",
                help=f"put it first: {ctx.command_path} TARGET [OPTIONS]",
            )
        invocation.pairs, invocation.file = given.pairs, given.file
        return rest

    def _add_parameters(self, ctx: Any, invocation: Invocation) -> None:
        from hookline.graph.parameters import describe_parameters

        panel = f"Parameters of {clean(invocation.workflow.name)}"
        taken = {name for param in self.get_params(ctx) for name in (*param.opts, *param.secondary_opts)}
        added: list[inspect.Parameter] = []
        for number, doc in enumerate(describe_parameters(invocation.workflow)):
            kind = _kind(invocation.workflow, doc.name)
            declarations = _declarations(doc.name, kind)
            if taken & set(declarations):
                row = (f"-p {doc.name}={clean(doc.type_text)}", _help(doc, kind))
                self.extra_rows.setdefault(panel, []).append(row)
                continue
            option = typer.Option(
                "/".join(declarations),
                metavar=clean(doc.type_text),
                help=_help(doc, kind),
                show_default=False,
                expose_value=False,
                callback=_keeper(doc.name, invocation.options),
                rich_help_panel=panel,
            )
            added.append(keyword(f"parameter_{number}", None, Annotated[_GIVEN_AS.get(kind, str | None), option]))
        self.params += made_by_typer(added)


class _Given:
    """Takes the values of the options that every command with a target has."""

    def __init__(self) -> None:
        self.target = ""
        self.pairs: list[str] = []
        self.file: Path | None = None

    def declared(self) -> list[inspect.Parameter]:
        target = typer.Argument(
            metavar="TARGET",
            expose_value=False,
            callback=self._take_target,
            help="A workflow: churn.py, churn.py:churn, package.module:churn or churn.yaml.",
        )
        pairs = typer.Option(
            "--param",
            "-p",
            metavar="NAME=VALUE",
            expose_value=False,
            callback=self._take_pairs,
            help="Set a parameter of the workflow, also one that is named like an option of this command.",
        )
        file = typer.Option(
            "--params",
            metavar="FILE",
            expose_value=False,
            callback=self._take_file,
            help="Read parameters from a YAML, JSON or TOML file; what is given as an option comes first.",
        )
        return [
            keyword("target", inspect.Parameter.empty, Annotated[str, target]),
            keyword("pairs", None, Annotated[list[str] | None, pairs]),
            keyword("file", None, Annotated[Path | None, file]),
        ]

    def _take_target(self, value: str) -> str:
        self.target = value
        return value

    def _take_pairs(self, value: list[str] | None) -> list[str] | None:
        self.pairs = list(value or ())
        return value

    def _take_file(self, value: Path | None) -> Path | None:
        self.file = value
        return value


def find_target(args: Sequence[str], params: Iterable[Any]) -> str | None:
    """Find the target among arguments, some of which may be options that nobody knows yet.

    Args:
        args: What follows the command's name.
        params: The options that are known, with ``opts``, ``secondary_opts``, ``is_flag`` and ``count``.

    Returns:
        The first argument that is neither an option nor a known option's value; where unknown options stand before it,
        the first that looks like a workflow.
    """
    with_value = {
        name
        for param in params
        if not getattr(param, "is_flag", False) and not getattr(param, "count", False)
        for name in param.opts
        if name.startswith("-")
    }
    flags = {name for param in params for name in (*param.opts, *param.secondary_opts)} - with_value
    flags |= {"--help", "-h"}
    candidates: list[str] = []
    unknown = False
    pending = list(reversed(args))
    while pending:
        arg = pending.pop()
        if arg == "--":
            return pending[-1] if pending and not candidates else next(iter(candidates), None)
        if not arg.startswith("-"):
            if not unknown:
                return arg
            candidates.append(arg)
        elif arg in with_value:
            pending = pending[:-1]
        elif arg not in flags and not _is_attached(arg, with_value):
            unknown = True
    return next(filter(_looks_like_target, candidates), candidates[0] if candidates else None)


def _is_attached(arg: str, with_value: set[str]) -> bool:
    """Tell whether an argument holds an option's value: ``--seed=1``, ``-pdepth=3``."""
    return arg.partition("=")[0] in with_value if arg.startswith("--") else arg[:2] in with_value


def _looks_like_target(text: str) -> bool:
    path, _, name = text.partition(":")
    return path.endswith(_TARGET_SUFFIXES) or (name.isidentifier() and all(map(str.isidentifier, path.split("."))))


def _normalised(token: str) -> str:
    return token.replace("_", "-")


def _declarations(name: str, kind: type) -> list[str]:
    spelled = _normalised(name)
    return [f"--{spelled}", f"--no-{spelled}"] if kind is bool else [f"--{spelled}"]


def _kind(workflow: Workflow[Any, Any], name: str) -> type:
    """Tell how a parameter is given: ``bool`` as a switch, ``list`` by repetition, anything else once."""
    parameter = workflow.signature.parameters[name]
    annotation = parameter.annotation
    if annotation is Any and not parameter.required:
        annotation = type(parameter.default)
    if typing.get_origin(annotation) is Annotated:
        annotation = typing.get_args(annotation)[0]
    alternatives = [kind for kind in typing.get_args(annotation) if kind is not type(None)]
    if typing.get_origin(annotation) in (typing.Union, types.UnionType) and len(alternatives) == 1:
        annotation = alternatives[0]
    plain = typing.get_origin(annotation) or annotation
    if plain is bool:
        return bool
    return list if isinstance(plain, type) and issubclass(plain, _LISTS) else str


def _help(doc: ParameterDoc, kind: type) -> str:
    notes = ["several: repeat it, or use commas"] if kind is list else []
    notes.append("required" if doc.required else f"default: {doc.default_text}")
    return f"{doc.help}  [{'; '.join(notes)}]".strip() if doc.help else f"[{'; '.join(notes)}]"


def _keeper(name: str, keep: dict[str, Any]) -> Callable[[Any], Any]:
    def callback(value: Any) -> Any:
        if value is not None and value != [] and value != ():
            keep[name] = value if not isinstance(value, tuple) else list(value)
        return value

    return callback
