"""What the edits of one plugin share: they find what is named, refuse what can't be, and note what was done."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from hookline.errors import PluginError, close_match
from hookline.graph.bind import shape_of
from hookline.graph.open_arguments import OpenArguments
from hookline.graph.rewriting.draft import Draft
from hookline.graph.rewriting.given import VALUE, GivenError, bind_given, bind_items, free_parameter
from hookline.graph.rewriting.match import TaskMatch
from hookline.model.change import Change
from hookline.model.graph import Binding, Constant, Task, TaskOutput
from hookline.model.masking import mask
from hookline.model.place import nearest_place
from hookline.model.recording import Form
from hookline.model.reference import WHOLE
from hookline.model.seed import is_seed
from hookline.model.step import Step

__all__ = ["Edits"]


class Edits:
    """A draft in the hands of one plugin.

    Args:
        draft: The changing graph.
        plugin: The plugin's name.
        grown: The id of the task whose new part the graph is; None for a workflow's own tasks.
        settings: What settings give to arguments that are left open.
    """

    def __init__(self, draft: Draft, plugin: str, grown: str | None, settings: OpenArguments) -> None:
        self._draft = draft
        self._plugin = plugin
        self._grown = grown
        self._settings = settings

    def _known(self, match: TaskMatch) -> Task:
        given: object = match
        if not isinstance(given, TaskMatch) or given._draft is not self._draft:
            what = "a task of another graph" if isinstance(given, TaskMatch) else f"{given!r}"
            raise self._refusal(
                f"gives {what} where a task is meant", "give what graph.tasks(…) or graph.insert_after(…) returned"
            )
        task = self._draft.tasks[given._number]
        if task is None:
            raise self._refusal("names a task that it removed", "change a task before it is removed")
        return task

    def _step(self, given: object) -> Step[Any, Any]:
        if not isinstance(given, Step):
            raise self._refusal(f"gives {given!r} where a step is meant", "give a function decorated with @step")
        return given

    def _arguments(
        self, step: Step[Any, Any], bind: Mapping[str, Any], what: str, own: Mapping[int, TaskOutput]
    ) -> tuple[str, dict[str, Binding]]:
        """Find the parameter that takes the value at hand, and bind the others."""
        try:
            name = free_parameter(step, bind, self._settings.names.get(step.name, ()))
            output = functools.partial(self._output, own)
            bindings = {key: bind_given(key, value, output) for key, value in bind.items() if value is not VALUE}
        except GivenError as error:
            raise self._refusal(f"{what}: {error}", error.cure) from None
        return name, bindings

    def _bound(self, name: str, value: Any, what: str, *, each: bool, count: int | None) -> Binding:
        """Bind what a task is given, for each item its own or one for all."""
        output = functools.partial(self._output, {})
        try:
            return bind_items(name, value, output, count) if each else bind_given(name, value, output)
        except GivenError as error:
            raise self._refusal(f"{what}: {error}", error.cure) from None

    def _output(self, own: Mapping[int, TaskOutput], value: object) -> TaskOutput | None:
        """Give what takes the value of what stands for a task; None for everything else."""
        if not isinstance(value, TaskMatch):
            return None
        self._known(value)
        return own.get(value._number) or self._draft.output(value._number)

    def _length(self, task: Task, name: str) -> int | None:
        """Tell how many elements of a mapped parameter there are; lists that are mapped side by side have as many."""
        names = task.mapped if task.form is Form.MAP else (name,)
        lengths = (self._draft.length(task.bindings[each]) for each in names)
        return next((length for length in lengths if length is not None), None)

    def _completed(self, step: Step[Any, Any], bindings: dict[str, Binding]) -> dict[str, Binding]:
        """Add what settings give to arguments that nobody gave, and defaults that name files."""
        self._settings.give(step, bindings)
        shape_of(step.fn).add_files(bindings)
        return bindings

    def _given(self, task: Task, arg: str, what: str) -> Binding:
        """Tell what a task is given for a parameter."""
        self._parameter(task, arg, what)
        self._refuse_seed(task, arg, what)
        if arg in task.bindings:
            return task.bindings[arg]
        parameter = task.step.signature.parameters[arg]
        if parameter.required:
            raise self._refusal(f"{what}, which is given nothing", "connect it to a task first: graph.connect(…)")
        return Constant(parameter.default)

    def _parameter(self, task: Task, arg: str, what: str) -> None:
        signature = task.step.signature
        several = {signature.var_positional, signature.var_keyword} - {""}
        known = [name for name in signature.parameters if name not in several]
        if arg in several:
            raise self._refusal(f"{what}, which takes any number of arguments", "name a parameter that takes one")
        if arg not in known:
            match = close_match(arg, known)
            takes = f"it takes {', '.join(known)}" if known else "it takes none"
            raise self._refusal(f"{what}: step '{task.step.name}' has no such parameter", match.strip() or takes)
        provider = shape_of(task.step.fn).provided.get(arg)
        if provider is not None:
            raise self._refusal(f"{what}, which the provider '{provider.name}' opens", "leave it as it is")

    def _refuse_seed(self, task: Task, arg: str, what: str) -> None:
        if is_seed(task.step.signature.parameters[arg].annotation) and arg not in task.bindings:
            raise self._refusal(f"{what}, which is a seed that the run gives", "leave it as it is")

    def _parts(self, number: int, step: Step[Any, Any], what: str) -> dict[int, int]:
        """Tell, per part of a task's value that others use, which part of a step's value that is."""
        mine, its = self._draft.task(number).outputs, step.outputs
        parts: dict[int, int] = {}
        if mine.form == "one":
            return parts
        for taker, output in self._draft.takers(number):
            if output.slot == WHOLE or output.slot in parts:
                continue
            name = mine.names[output.slot]
            if its.form == "one" or name not in its.names:
                raise self._refusal(
                    f"{what}: {self._taker(taker)} takes its part '{name}', which '{step.name}' does not return",
                    f"let '{step.name}' return the same parts, or insert it before the argument that takes them",
                )
            parts[output.slot] = its.names.index(name)
        return parts

    def _taker(self, number: int | None) -> str:
        return "the workflow's return" if number is None else f"task '{self._shown(self._draft.task(number).id)}'"

    def _new_id(self, step: Step[Any, Any], task: Task) -> str:
        prefix, slash, name = task.id.rpartition("/")
        # A plugin's own step may be called data.validate, as it is registered: data:validate says it all.
        short = step.name.removeprefix(f"{self._plugin}.")
        return self._draft.free_id(f"{prefix}{slash}{self._plugin}:{short}", f"@{name}")

    def _shown(self, task_id: str) -> str:
        return task_id if self._grown is None else f"{self._grown}/{task_id}"

    def _note(self, kind: str, text: str) -> Change:
        return Change(self._plugin, kind, mask(text))  # it is shown and recorded

    def _refusal(self, what: str, cure: str) -> PluginError:
        return PluginError(f"the plugin '{self._plugin}' {what} ({nearest_place()})", help=cure)
