"""Turns one recorded call into bindings: per parameter a constant, a reference or a structure of both.

Five thousand calls of one step are common, so what a signature says is worked out once per function and each argument
costs a few dictionary look-ups.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, Final

from hookline.errors import close_match
from hookline.graph.problem import Problem
from hookline.model.graph import Binding, Constant, FirstOf, Nested, Task, TaskOutput
from hookline.model.parameter import MISSING, Signature, read_signature
from hookline.model.provider import Provider, providers_in
from hookline.model.recording import Call, Form
from hookline.model.reference import FirstReference, Reference
from hookline.model.seed import is_seed
from hookline.model.step import Conditional, Partial, Step
from hookline.model.workflow import Workflow
from hookline.values.encode import holds_file

__all__ = ["Binder", "Shape", "UnusableError", "shape_of"]

_PLAIN: Final[frozenset[type]] = frozenset({int, float, str, bool, type(None), bytes, complex})
_EXACT: Final[frozenset[type]] = frozenset({list, tuple, dict})


class Shape:
    """What calls of one function must look like.

    Attributes:
        positional: Names that can be given by position.
        keywords: Names that can be given by name.
        required: Names that must be given: no default, and not filled in by the engine.
        provided: Names of those that providers give, with the providers.
        files: Defaults that count by the files they name, and so are bound where they are left out.
        count: How many parameters there are.
    """

    __slots__ = (
        "count",
        "files",
        "keywords",
        "positional",
        "provided",
        "required",
        "signature",
        "var_keyword",
        "var_positional",
    )

    def __init__(self, signature: Signature) -> None:
        self.signature = signature
        self.provided = provided = providers_in(signature)
        self.positional = tuple([name for name in signature.positional if name not in provided])
        self.count = len(signature.parameters) - len(provided)
        self.var_positional = signature.var_positional
        self.var_keyword = signature.var_keyword
        own = [name for name in signature.parameters if name not in (self.var_positional, self.var_keyword)]
        only = signature.positional[: signature.positional_only]
        self.keywords = frozenset(own).difference(only, provided)
        self.required = frozenset(
            name
            for name in signature.required.difference(provided)
            if not is_seed(signature.parameters[name].annotation)
        )
        self.files = _files_of(signature)

    def add_files(self, bindings: dict[str, Binding]) -> None:
        """Bind the defaults that name files where nothing else is bound."""
        for name, default in self.files.items():
            bindings.setdefault(name, default)


@functools.lru_cache(maxsize=4096)
def shape_of(function: Callable[..., Any]) -> Shape:
    """Work out, once, what calls of a function must look like."""
    return Shape(read_signature(function))


class UnusableError(Exception):
    """A value that can't be an argument; the text reads after the argument's name."""


Complete = Callable[[Step[Any, Any], dict[str, Binding]], None]


class Binder:
    """Binds the calls of one recording.

    Args:
        calls: The calls.
        complete: Adds what settings give to arguments that calls leave open; None for nothing.
        left_open: Names of arguments, by step, that are added later: such calls don't lack them, and defaults that name
            files are not bound either. None where what is bound here is final.

    Attributes:
        problems: What was wrong so far.
    """

    def __init__(
        self,
        calls: Sequence[Call],
        complete: Complete | None = None,
        left_open: Mapping[str, Collection[str]] | None = None,
    ) -> None:
        self.problems: list[Problem] = []
        self._calls = calls
        self._complete = complete
        self._left_open = left_open
        self._leaves: set[type] = set(_PLAIN)

    def task(self, call: Call) -> Task:
        """Bind a call's arguments and condition."""
        step, args = call.step, call.args
        shape = shape_of(step.fn)
        bindings: dict[str, Binding] = {}
        for name, value in zip(shape.positional, args, strict=False):
            bindings[name] = Constant(value) if type(value) in _PLAIN else self._argument(call, name, value)
        if len(args) > len(shape.positional):
            self._rest(call, shape, bindings)
        wrong = self._by_name(call, shape, bindings) if call.kwargs else []
        mapped = self._mapped(call, shape, bindings, wrong) if call.form is not Form.CALL else ()
        if self._complete is not None:
            self._complete(step, bindings)
        if wrong or (len(bindings) < shape.count and not shape.required <= bindings.keys()):
            self._mismatch(call, shape, bindings, wrong)
        if shape.files and self._left_open is None:
            shape.add_files(bindings)
        condition = self._argument(call, "", call.condition[0]) if call.condition else None
        return Task(call.index, call.id, step, call.form, bindings, mapped, condition, call.place)

    def _by_name(self, call: Call, shape: Shape, bindings: dict[str, Binding]) -> list[str]:
        """Bind the arguments that are given by name; return the names that the function does not take."""
        wrong: list[str] = []
        extra: dict[str, Binding] = {}
        for name, value in call.kwargs.items():
            if name in shape.keywords:
                if name in bindings:
                    self._note(call, f"is given '{name}' twice, by position and by name")
                else:
                    bindings[name] = Constant(value) if type(value) in _PLAIN else self._argument(call, name, value)
            elif name in shape.provided:
                self._provided(call, shape, name)
            elif shape.var_keyword:
                extra[name] = self._argument(call, name, value)
            else:
                wrong.append(name)
        if extra:
            bindings[shape.var_keyword] = Nested("dict", tuple(extra), tuple(extra.values()))
        return wrong

    def value(self, value: Any) -> Binding:
        """Bind a value: find the references in it, at any depth of lists, tuples and dicts.

        Raises:
            UnusableError: It holds something that can't be passed on.
        """
        kind = type(value)
        if kind in self._leaves:
            return Constant(value)
        if kind is Reference:
            return self._output(value)
        if kind is FirstReference:
            return FirstOf(tuple([self._output(option) for option in value._options]))
        if kind in _EXACT:
            return self._structure(value, kind)
        self._leaf(value, kind)
        return Constant(value)

    def _output(self, reference: Reference) -> TaskOutput:
        call = reference._call
        if call.index >= len(self._calls) or self._calls[call.index] is not call:
            raise UnusableError(
                f"is a reference to task '{call.id}' ({call.place}) of another workflow; call the step in this one"
            )
        return TaskOutput(call.index, reference._slot, reference._completed)

    def _structure(self, value: Any, kind: type) -> Binding:
        if kind is dict:
            self._keys(value)
            parts: Any = value.values()
        else:
            parts = value
        if self._leaves.issuperset(map(type, parts)):
            return Constant(value)
        bound = [self.value(part) for part in parts]
        if all(type(item) is Constant for item in bound):
            return Constant(value)
        return Nested(kind.__name__, tuple(value) if kind is dict else (), tuple(bound))

    def _keys(self, value: dict[Any, Any]) -> None:
        pending: list[Any] = [value]
        while pending:
            for key in pending.pop():
                if isinstance(key, Reference):
                    raise UnusableError(
                        f"has {key!r} as a dict's key, whose value does not exist yet; build the dict in a step"
                    )
                if isinstance(key, (tuple, frozenset)):
                    pending.append(key)

    def _leaf(self, value: Any, kind: type) -> None:
        """Refuse what can't be an argument; remember types that are always fine."""
        if issubclass(kind, (Step, Workflow)):
            raise UnusableError(f"is {value!r} itself; call it, or pass {value.name}.fn for the function")
        if issubclass(kind, (Partial, Conditional)):
            raise UnusableError("is a step that was not called; put its remaining arguments in brackets behind it")
        if issubclass(kind, Provider):
            raise UnusableError(
                f"is {value!r} itself; let the step ask for what it opens: Annotated[…, {value.__name__}]"
            )
        if issubclass(kind, (set, frozenset, list, tuple, dict)):
            _without_references(kind, value.values() if issubclass(kind, dict) else value)
            if issubclass(kind, dict):
                self._keys(value)
        elif dataclasses.is_dataclass(kind):
            names = [field.name for field in dataclasses.fields(kind)]
            _without_references(kind, [getattr(value, name, None) for name in names])
        elif issubclass(kind, Iterator) and not hasattr(kind, "fileno"):
            raise UnusableError(f"is {_article(kind)}, which is gone once it was read; write a list: [… for … in …]")
        else:
            self._leaves.add(kind)

    def _argument(self, call: Call, name: str, value: Any) -> Binding:
        try:
            return self.value(value)
        except UnusableError as error:
            what = f"'{name}'" if name else "its condition"
            self._note(call, f"can't take {what}, which {error}")
        except RecursionError:
            self._note(call, f"can't take '{name}', which is nested too deeply")
        return Constant(None)

    def _rest(self, call: Call, shape: Shape, bindings: dict[str, Binding]) -> None:
        count = len(shape.positional)
        if shape.var_positional:
            rest = [self._argument(call, shape.var_positional, value) for value in call.args[count:]]
            bindings[shape.var_positional] = Nested("tuple", (), tuple(rest))
        else:
            takes = f"at most {count}" if count else "none"
            self._note(call, f"is given {len(call.args)} arguments by position, but takes {takes}")

    def _mapped(self, call: Call, shape: Shape, bindings: dict[str, Binding], wrong: list[str]) -> tuple[str, ...]:
        if not call.items:
            self._note(call, f"is mapped over nothing; write .{call.form.value}(name=list)")
        mapped: list[str] = []
        for name, value in call.items.items():
            if name in shape.provided:
                self._provided(call, shape, name)
            elif name not in shape.keywords:
                if shape.var_keyword and name not in shape.positional:
                    self._note(call, f"can't be mapped over '{name}', which '**{shape.var_keyword}' would take")
                else:
                    wrong.append(name)
            elif name in bindings:
                self._note(call, f"has '{name}' both fixed and mapped; leave one of them out")
            else:
                bindings[name] = self._collection(call, name, value)
                mapped.append(name)
        return tuple(mapped)

    def _collection(self, call: Call, name: str, value: Any) -> Binding:
        kind = type(value)
        if kind is Reference or kind is FirstReference:
            return self._argument(call, name, value)
        if kind not in (list, tuple, range) and not (
            isinstance(value, (list, tuple)) and not hasattr(value, "_fields")
        ):
            self._note(call, f"is mapped over '{name}', which is {_article(kind)} and no list{_listed(value)}")
            return Constant([])
        return self._argument(call, name, list(value))

    def _mismatch(self, call: Call, shape: Shape, bindings: Mapping[str, Binding], wrong: list[str]) -> None:
        later = () if self._left_open is None else self._left_open.get(call.step.name, ())
        needed = shape.required - bindings.keys() - set(later)
        missing = [name for name in shape.signature.parameters if name in needed]
        known = [name for name in shape.signature.parameters if name in shape.keywords]
        for name in wrong:
            if name in shape.positional:
                self._note(call, f"takes '{name}' by position only")
                missing = [other for other in missing if other != name]
                continue
            match = close_match(name, missing) or close_match(name, known)
            takes = f"it takes {', '.join(_given_by_calls(shape))}" if known else "it takes none"
            self._note(call, f"has no parameter '{name}';{match or ' ' + takes}")
            missing = [other for other in missing if f"'{other}'" not in match]
        if missing:
            names = ", ".join(f"'{name}'" for name in missing)
            self._note(call, f"lacks the argument{'s' if len(missing) > 1 else ''} {names}")

    def _provided(self, call: Call, shape: Shape, name: str) -> None:
        self._note(call, f"is given '{name}', which the provider '{shape.provided[name].name}' opens; leave it out")

    def _note(self, call: Call, text: str) -> None:
        self.problems.append(Problem(call.index, f"task '{call.id}' ({call.place}) {text}"))


def _given_by_calls(shape: Shape) -> list[str]:
    return [name for name in shape.signature.parameters if name not in shape.provided]


def _files_of(signature: Signature) -> dict[str, Constant]:
    provided = providers_in(signature)
    defaults = {
        name: parameter.default
        for name, parameter in signature.parameters.items()
        if parameter.default is not MISSING and name not in provided and not is_seed(parameter.annotation)
    }
    chosen = {name for name, default in defaults.items() if holds_file(default)}
    # What is given by position only needs all that stands before it.
    only = signature.positional[: signature.positional_only]
    last = max((at for at, name in enumerate(only) if name in chosen), default=-1)
    chosen.update(only[: last + 1])
    return {name: Constant(default) for name, default in defaults.items() if name in chosen}


def _without_references(kind: type, parts: Any) -> None:
    for part in parts:
        if isinstance(part, Reference):
            raise UnusableError(f"is {_article(kind)} that holds {part!r}; use a list, tuple or dict, or pass it alone")


def _article(kind: type) -> str:
    name = {"str": "text", "bytes": "bytes"}.get(kind.__name__)
    if name:
        return name
    return f"{'an' if kind.__name__[0].lower() in 'aeiou' else 'a'} {kind.__name__}"


def _listed(value: Any) -> str:
    """Word how a value becomes a list, where that is plain."""
    if isinstance(value, str):
        return "; write a list with the text in it, or split it first"
    if isinstance(value, dict):
        return "; write list(….items()) or list(….values())"
    if isinstance(value, (set, frozenset)):
        return "; write sorted(…), so that the order is the same in each run"
    if hasattr(value, "tolist") and not hasattr(value, "columns"):
        return "; write ….tolist()"
    if hasattr(value, "columns"):
        return "; write a list of the parts, such as [part for _, part in frame.groupby(…)]"
    return "; write list(…)" if hasattr(value, "__iter__") else "; write a list"
