"""Reads a declared workflow from its nodes; whatever is not as it should be is noted with its line."""

from __future__ import annotations

import keyword
from typing import Any

from hookline.errors import WorkflowError
from hookline.graph.declared.document import PARAM_KEYS, STEP_KEYS, TOP_KEYS, Document, ParamEntry, StepEntry, Use
from hookline.graph.declared.nodes import BROKEN, Node, Scalar, Table
from hookline.graph.declared.problems import Problems, suggestion
from hookline.graph.declared.types import TYPE_NAMES, UnknownTypeError, read_type
from hookline.graph.declared.values import Broken, FromParam, FromStep, Plain, Value, is_reference, read_value
from hookline.model.names import check_name
from hookline.model.parameter import MISSING
from hookline.model.recording import Form

__all__ = ["read_document"]


def read_document(root: Node, stem: str, problems: Problems) -> Document:
    """Read a workflow.

    Args:
        root: The topmost node of its file.
        stem: The file's name without its ending: the workflow's name where it has none.
        problems: Takes what is wrong.
    """
    return _Reader(problems).document(root, stem)


class _Reader:
    def __init__(self, problems: Problems) -> None:
        self._problems = problems
        self._note = problems.note

    def document(self, root: Node, stem: str) -> Document:
        parts = self._fields(root, TOP_KEYS, "the file")
        name = self._text(parts.get("workflow"), "workflow") or stem
        line = parts["workflow"].line if "workflow" in parts else root.line
        try:
            check_name(name, "workflow")
        except WorkflowError as error:
            remedy = "" if "workflow" in parts else "; give it one with 'workflow:'"
            self._note(line, f"{error.message}: {error.help}{remedy}")
        if "steps" not in parts and isinstance(root, Table):
            self._note(root.line, "there are no 'steps' in it")
        steps = self._names(parts.get("steps"), "steps")
        written = parts.get("steps")
        if isinstance(written, Table) and not written.entries:
            self._note(written.line, "'steps' is empty")
        return Document(
            name,
            line,
            self._text(parts.get("description"), "description"),
            {key: self._param(key, at, node) for key, (at, node) in self._names(parts.get("params"), "params").items()},
            {key: self._step(key, at, node) for key, (at, node) in steps.items()},
            read_value(parts["returns"], self._problems) if "returns" in parts else None,
            self._use(parts.get("on_failure"), "on_failure"),
        )

    def _param(self, name: str, line: int, node: Node) -> ParamEntry:
        if not name.isidentifier() or keyword.iskeyword(name):
            why = "it is a word of Python's own" if keyword.iskeyword(name) else "take letters, digits and '_'"
            self._note(line, f"the parameter name '{name}' can't be used: {why}")
        if not isinstance(node, Table):
            return self._short_param(name, line, node)
        parts = self._fields(node, PARAM_KEYS, f"parameter '{name}'")
        annotation = None
        if "type" in parts:
            annotation = self._type(parts["type"])
        default: object = MISSING
        if "default" in parts:
            default = self._default(name, parts["default"])
        elif "type" not in parts:
            self._note(line, f"parameter '{name}' has neither a type nor a default")
            default = BROKEN
        at = parts["default"].line if "default" in parts else line
        return ParamEntry(line, annotation, default, self._text(parts.get("help"), "help"), at)

    def _short_param(self, name: str, line: int, node: Node) -> ParamEntry:
        default = self._default(name, node)
        if default is None:
            self._note(line, f"parameter '{name}' has no default; say at least its type: {name}: {{type: text}}")
            default = BROKEN
        elif default in TYPE_NAMES:
            self._note(
                line,
                f"parameter '{name}' has the name of a type where its default stands; say which is meant: "
                f"{name}: {{type: {default}}}, or {name}: {{default: {default}}}",
            )
            default = BROKEN
        return ParamEntry(line, None, default, "", node.line)

    def _default(self, name: str, node: Node) -> object:
        value = read_value(node, self._problems)
        if isinstance(value, Plain):
            return value.value
        if not isinstance(value, Broken):
            self._note(node.line, f"the default of parameter '{name}' can't be a reference")
        return BROKEN

    def _type(self, node: Node) -> Any:
        text = self._text(node, "type")
        if not text:
            return Any
        try:
            return read_type(text)
        except UnknownTypeError as error:
            self._note(node.line, str(error))
            return Any

    def _step(self, name: str, line: int, node: Node) -> StepEntry:
        if not _is_step_name(name):
            self._note(line, f"the step name '{name}' can't be used: take letters, digits, '_' and '-'")
        parts = self._fields(node, STEP_KEYS, f"step '{name}'")
        if isinstance(node, Table) and "uses" not in parts:
            self._note(line, f"step '{name}' does not say which step it 'uses'")
        if "map" in parts and "product" in parts:
            self._note(parts["product"].line, f"step '{name}' has both 'map' and 'product'; leave one of them out")
        form = Form.MAP if "map" in parts else Form.PRODUCT if "product" in parts else Form.CALL
        given, lines = self._values(parts.get("with"), "with")
        items, mapped_lines = self._values(parts.get("map"), "map")
        product, product_lines = self._values(parts.get("product"), "product")
        items, mapped_lines = {**items, **product}, {**mapped_lines, **product_lines}
        if form is not Form.CALL and not items and isinstance(parts[form.value], Table):
            self._note(
                parts[form.value].line, f"'{form.value}' of step '{name}' is empty; name what it takes a list for"
            )
        for twice in [key for key in items if key in given]:
            self._note(mapped_lines[twice], f"step '{name}' has '{twice}' both in 'with' and in '{form.value}'")
        options, options_line = self._options(parts.get("options"), line)
        return StepEntry(
            line,
            name,
            self._use(parts.get("uses"), "uses"),
            given,
            items,
            {**lines, **mapped_lines},
            form,
            self._condition(parts.get("when"), name),
            options,
            options_line,
        )

    def _condition(self, node: Node | None, name: str) -> Value | None:
        if node is None:
            return None
        value = read_value(node, self._problems)
        if not isinstance(value, (FromParam, FromStep, Broken)):
            self._note(node.line, f"'when' of step '{name}' takes a reference, such as ${{{{ steps.check }}}}")
        return value

    def _options(self, node: Node | None, line: int) -> tuple[dict[str, object], int]:
        values, _ = self._values(node, "options")
        found: dict[str, object] = {}
        for key, value in values.items():
            if isinstance(value, Plain):
                found[key] = value.value
            elif not isinstance(value, Broken):
                self._note(value.line, f"the option '{key}' of a step can't be a reference")
        return found, node.line if node is not None else line

    def _use(self, node: Node | None, what: str) -> Use | None:
        text = self._text(node, what)
        return Use(node.line, text) if node is not None and text else None

    def _values(self, node: Node | None, what: str) -> tuple[dict[str, Value], dict[str, int]]:
        named = self._names(node, what)
        values = {key: read_value(one, self._problems) for key, (_, one) in named.items()}
        return values, {key: line for key, (line, _) in named.items()}

    def _fields(self, node: Node | None, known: tuple[str, ...], what: str) -> dict[str, Node]:
        found: dict[str, Node] = {}
        for key, (line, value) in self._names(node, what).items():
            if key in known:
                found[key] = value
            else:
                self._note(line, f"{what} has no key '{key}'{suggestion(key, known, 'keys are')}")
        return found

    def _names(self, node: Node | None, what: str) -> dict[str, tuple[int, Node]]:
        """Give what a mapping holds by its keys, which must be text."""
        if node is None:
            return {}
        if not isinstance(node, Table):
            if not _is_broken(node):
                shown = what if what.startswith(("the ", "step ", "parameter ")) else f"'{what}'"
                self._note(node.line, f"{shown} takes names with values below them, not {_kind(node)}")
            return {}
        found: dict[str, tuple[int, Node]] = {}
        for key, value in node.entries.items():
            if not isinstance(key.value, str):
                if key.value is not BROKEN:
                    self._note(key.line, f"the name {_shown(key.value)} is no text; put it in quotes")
            elif key.value != "<<":
                found[key.value] = (key.line, value)
        return found

    def _text(self, node: Node | None, what: str) -> str:
        if node is None or _is_broken(node):
            return ""
        if isinstance(node, Scalar) and isinstance(node.value, str):
            if is_reference(node.value):
                self._note(node.line, f"'{what}' can't be a reference")
                return ""
            return node.value
        self._note(node.line, f"'{what}' takes text, not {_kind(node)}")
        return ""


def _is_step_name(name: str) -> bool:
    return name.replace("_", "").replace("-", "").isalnum() and name[0] != "-" and len(name) <= 100


def _is_broken(node: Node) -> bool:
    return isinstance(node, Scalar) and node.value is BROKEN


def _kind(node: Node) -> str:
    if isinstance(node, Scalar):
        return "nothing" if node.value is None else _shown(node.value)
    return "a mapping" if isinstance(node, Table) else "a list"


def _shown(value: object) -> str:
    if value is None or isinstance(value, bool):
        return str(value).lower().replace("none", "null")
    return f"'{value}'" if isinstance(value, str) else str(value)
