"""What a plugin changes a task graph with: it finds tasks, and says what is to become of them."""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Mapping
from typing import Any, Final

from hookline.errors import WorkflowError
from hookline.graph.open_arguments import NO_ARGUMENTS, OpenArguments
from hookline.graph.rewriting.constants import known_value
from hookline.graph.rewriting.draft import Draft
from hookline.graph.rewriting.edits import Edits
from hookline.graph.rewriting.given import VALUE
from hookline.graph.rewriting.match import TaskMatch, promises
from hookline.model.change import INSERTED
from hookline.model.graph import Binding, Task, TaskGraph
from hookline.model.metadata import metadata_of, part_metadata_of, unread_of
from hookline.model.place import nearest_place
from hookline.model.recording import Form
from hookline.model.step import Step
from hookline.model.wrapping import unwrapped, wrapped

__all__ = ["GraphEditor"]


class GraphEditor(Edits):
    """A task graph as one plugin changes it.

    Args:
        graph: What it begins with, which stays as it is.
        plugin: The plugin's name.
        grown: The id of the task whose new part the graph is; None for a workflow's own tasks.
        settings: What settings give to arguments that are left open.
        known: Gives the value of a binding that refers to no task.

    Attributes:
        workflow: The workflow's name.
        params: The workflow's parameters, read only.
        grown: As above.
        value: Given to a parameter of an inserted step, says that this one takes the value at hand.
    """

    value: Final = VALUE

    def __init__(
        self,
        graph: TaskGraph,
        plugin: str,
        grown: str | None = None,
        settings: OpenArguments = NO_ARGUMENTS,
        known: Callable[[Binding], Any] = known_value,
    ) -> None:
        super().__init__(Draft(graph, known), plugin, grown, settings)
        self.workflow = graph.workflow
        self.params: Mapping[str, Any] = types.MappingProxyType(dict(graph.params))
        self.grown = grown

    def tasks(
        self,
        step: str | Step[..., Any] | None = None,
        tag: str | None = None,
        returns: Any = None,
        *,
        annotated: bool = False,
    ) -> list[TaskMatch]:
        """Find tasks; a mapped task is one, and what the same plugin inserted is left out.

        Args:
            step: The step's name, or a step: what has its name or its function, as in YAML under a registered name.
            tag: A tag that the step has.
            returns: A type: finds tasks whose annotation says that they, or each of their items, return that.
            annotated: Whether to leave out tasks whose annotation says nothing beside types: of which neither
                ``metadata`` nor ``part_metadata`` nor ``unread`` tells anything.

        Returns:
            Those of which all that was given is true, in the order of the graph.
        """
        found = []
        telling: dict[object, bool] = {}
        for number, task in enumerate(self._draft.tasks):
            if task is None or (task.changes and task.inserted_by == self._plugin):
                continue
            if annotated:
                declares = task.step.declares
                if declares not in telling:
                    telling[declares] = _is_annotated(declares)
                if not telling[declares]:
                    continue
            if step is not None and not _is_of(task.step, step):
                continue
            if tag is not None and tag not in task.options.tags:
                continue
            if returns is not None and not promises(task.outputs.returns, returns):
                continue
            found.append(TaskMatch(self._draft, number))
        return found

    def insert_after(self, task: TaskMatch, step: Step[..., Any], /, **bind: Any) -> TaskMatch:
        """Put a step behind a task: all that takes the task's value takes the step's from now on.

        That is arguments, at any depth of lists, tuples and dicts, conditions, choices by ``first``, and what the
        workflow returns. Behind a mapped task the step is mapped, item by item.

        Args:
            task: The task.
            step: Takes the value by the one parameter that ``bind`` and settings leave open: the one that has no
                default, or else the only one that there is. Where that does not tell, give ``graph.value`` to the one
                that is meant.
            **bind: Further arguments: values, tasks, and lists, tuples and dicts of both.

        Returns:
            The new task.

        Raises:
            PluginError: The step can't stand there; says why.
        """
        one = self._known(task)
        step = self._step(step)
        what = f"can't insert '{step.name}' after task '{self._shown(one.id)}'"
        parts = self._parts(task._number, step, what)
        own = self._draft.own_output(task._number)
        name, bindings = self._arguments(step, bind, what, {task._number: own})
        bindings[name] = own
        new_id = self._new_id(step, one)
        note = self._note(INSERTED, f"inserted '{self._shown(new_id)}' after '{self._shown(one.id)}'")
        mapped = () if one.form is Form.CALL else (name,)
        form = Form.MAP if mapped else Form.CALL
        new = Task(-1, new_id, step, form, self._completed(step, bindings), mapped, None, nearest_place())
        self._draft.rename_slots(task._number, parts)
        return TaskMatch(self._draft, self._draft.insert_after(task._number, own, new, note))

    def insert_before(self, task: TaskMatch, arg: str, step: Step[..., Any], /, **bind: Any) -> TaskMatch:
        """Put a step before an argument of a task: it takes what the task was given, the task takes what it returns.

        Before an argument that the task is mapped over the step is mapped, item by item. It runs on the task's
        condition.

        Args:
            task: The task.
            arg: The name of the task's parameter.
            step: As for :meth:`insert_after`.
            **bind: As for :meth:`insert_after`.

        Returns:
            The new task.

        Raises:
            PluginError: The step can't stand there; says why.
        """
        one = self._known(task)
        step = self._step(step)
        what = f"can't insert '{step.name}' before '{arg}' of task '{self._shown(one.id)}'"
        given = self._given(one, arg, what)
        name, bindings = self._arguments(step, bind, what, {})
        bindings[name] = given
        new_id = self._new_id(step, one)
        note = self._note(INSERTED, f"inserted '{self._shown(new_id)}' before '{arg}' of '{self._shown(one.id)}'")
        mapped = (name,) if arg in one.mapped else ()
        form = Form.MAP if mapped else Form.CALL
        new = Task(-1, new_id, step, form, self._completed(step, bindings), mapped, one.condition, nearest_place())
        return TaskMatch(self._draft, self._draft.insert_before(task._number, arg, new, note))

    def wrap(self, task: TaskMatch, wrapper: Callable[..., Any], /) -> None:
        """Put a function around a task's step, which can change its arguments and its result.

        Args:
            task: The task.
            wrapper: Called in the worker as ``wrapper(call, **arguments)``, with the arguments that the step was given,
                by name; ``call(**arguments)`` calls the step's function. Async where the step is. Its code counts like
                the step's own: where it changes, the task runs anew.

        Raises:
            PluginError: It is no such function.
        """
        one = self._known(task)
        given: object = wrapper
        what = f"can't wrap task '{self._shown(one.id)}'"
        if not isinstance(given, types.FunctionType):
            raise self._refusal(f"{what} in {given!r}", "give a plain function: def wrapper(call, /, **arguments)")
        if inspect.iscoroutinefunction(wrapper) is not one.step.concurrent:
            asynchronous = one.step.concurrent
            raise self._refusal(
                f"{what} in '{wrapper.__name__}', which is {'not ' if asynchronous else ''}async",
                f"its step '{one.step.name}' is {'' if asynchronous else 'not '}async, and so must the wrapper be",
            )
        step = one.step
        outer: Step[Any, Any] = Step(wrapped(step.fn, wrapper), step.name, step.declared, as_decorated=False)
        note = self._note("wrapped", f"wrapped '{self._shown(one.id)}' in '{wrapper.__name__}'")
        self._draft.change(task._number, note, step=outer)

    def replace(self, task: TaskMatch, step: Step[..., Any], /) -> None:
        """Let another step do a task's work, with the arguments that the task was given and under its id.

        Args:
            task: The task.
            step: The step; has parameters of these names.

        Raises:
            PluginError: Others use a part of the value that the step does not return.
        """
        one = self._known(task)
        step = self._step(step)
        parts = self._parts(task._number, step, f"can't replace task '{self._shown(one.id)}' by '{step.name}'")
        note = self._note("replaced", f"replaced '{one.step.name}' by '{step.name}' in '{self._shown(one.id)}'")
        self._draft.change(task._number, note, step=step, bindings=self._completed(step, {**one.bindings}))
        self._draft.rename_slots(task._number, parts)

    def connect(self, source: TaskMatch, task: TaskMatch, arg: str, /) -> None:
        """Give a task the value of another as an argument, in the place of what it was given.

        Args:
            source: The other task.
            task: The task.
            arg: The name of the task's parameter.

        Raises:
            PluginError: The task has no such parameter.
        """
        other, one = self._known(source), self._known(task)
        what = f"can't connect task '{self._shown(other.id)}' to '{arg}' of task '{self._shown(one.id)}'"
        self._parameter(one, arg, what)
        self._refuse_seed(one, arg, what)
        text = f"connected '{self._shown(other.id)}' to '{arg}' of '{self._shown(one.id)}'"
        bindings = {**one.bindings, arg: self._draft.output(source._number)}
        self._draft.change(task._number, self._note("connected", text), bindings=bindings)

    def give(self, task: TaskMatch, /, **values: Any) -> None:
        """Give a task arguments, in the place of what it was given or of defaults.

        They count as if the call had given them: for the task's key, and for the checks.

        Args:
            task: The task.
            **values: By parameter: values, tasks, and lists, tuples and dicts of both. A parameter that the task is
                mapped over takes a list with a value for each item.

        Raises:
            PluginError: The task has no such parameter, or not as many items.
        """
        one = self._known(task)
        bindings = dict(one.bindings)
        for name, value in values.items():
            what = f"can't give '{name}' to task '{self._shown(one.id)}'"
            self._parameter(one, name, what)
            count = self._length(one, name) if name in one.mapped else None
            bindings[name] = self._bound(name, value, what, each=name in one.mapped, count=count)
        if values:
            note = self._note("given", f"gave {', '.join(values)} to '{self._shown(one.id)}'")
            self._draft.change(task._number, note, bindings=bindings)

    def give_each(self, task: TaskMatch, /, **lists: Any) -> None:
        """Give each item of a mapped task its own values of parameters that it is not mapped over yet.

        The task is mapped over these lists too from now on, item by item together with those of the call.

        Args:
            task: The task: one of ``.map``, whose number of items the graph tells.
            **lists: By parameter: a list with a value, or a task, for each item.

        Raises:
            PluginError: The task is not mapped, or in another way, or has no such parameter, or not as many items.
        """
        one = self._known(task)
        bindings, mapped = dict(one.bindings), one.mapped
        for name, values in lists.items():
            what = f"can't give '{name}' to each item of task '{self._shown(one.id)}'"
            if one.form is not Form.MAP:
                product = one.form is Form.PRODUCT
                why = "which is a product: a list more would be one of combinations" if product else "which has none"
                raise self._refusal(f"{what}, {why}", "give one value: graph.give(…)")
            self._parameter(one, name, what)
            if name in one.mapped:
                raise self._refusal(f"{what}, which is mapped over it", "give another list: graph.give(…)")
            bindings[name] = self._bound(name, values, what, each=True, count=self._length(one, one.mapped[0]))
            mapped = (*mapped, name)
        if lists:
            note = self._note("given", f"gave {', '.join(lists)} to each item of '{self._shown(one.id)}'")
            self._draft.change(task._number, note, bindings=bindings, mapped=mapped)

    def remove(self, task: TaskMatch, /, *, use: TaskMatch | None = None) -> None:
        """Take a task away.

        Args:
            task: The task.
            use: The task whose value all that needs this one's is to take; not needed where nothing does.

        Raises:
            PluginError: Something needs it, or a part of its value that the other task does not return.
        """
        one = self._known(task)
        text, parts = f"removed '{self._shown(one.id)}'", dict[int, int]()
        if use is None:
            needed = dict.fromkeys(self._taker(taker) for taker, _ in self._draft.takers(task._number))
        else:
            other, number = self._known(use), use._number
            what = f"can't use task '{self._shown(other.id)}' for task '{self._shown(one.id)}'"
            if number == task._number:
                raise self._refusal(what, "give another task")
            if (other.form is Form.CALL) is not (one.form is Form.CALL):
                raise self._refusal(f"{what}: one of them is mapped", "give a task that is mapped where this one is")
            parts = self._parts(task._number, other.step, what)
            needed = {self._taker(number): None} if self._draft.takes(number, task._number) else {}
            text += f", using '{self._shown(other.id)}' for it"
        if needed:
            raise self._refusal(
                f"can't remove task '{self._shown(one.id)}', which is needed by {', '.join(needed)}",
                "give a task whose value stands for its own: graph.remove(task, use=other)",
            )
        self._draft.rename_slots(task._number, parts)
        self._draft.remove(task._number, self._note("removed", text), None if use is None else use._number)

    def set_options(self, task: TaskMatch, /, **options: Any) -> None:
        """Change how a task's attempts are made.

        Args:
            task: The task.
            **options: As for ``@step``, but for the name.

        Raises:
            PluginError: An option does not exist, or its value is wrong.
        """
        one = self._known(task)
        what = f"can't set options of task '{self._shown(one.id)}'"
        if "name" in options:
            raise self._refusal(f"{what}: a task keeps the name of its step", "leave name= out")
        try:
            step = one.step.options(**options)
        except WorkflowError as error:
            raise self._refusal(f"{what}: {error.message}", error.help) from error
        told = ", ".join(f"{name}={value!r}" for name, value in options.items())
        note = self._note("options", f"set {told or 'no options'} of '{self._shown(one.id)}'")
        self._draft.change(task._number, note, step=step)

    def finish(self) -> TaskGraph:
        """Make a graph of it; see :meth:`Draft.finish`."""
        return self._draft.finish()


def _is_annotated(function: Callable[..., Any]) -> bool:
    return bool(metadata_of(function) or unread_of(function) or any(part_metadata_of(function).values()))


def _is_of(step: Step[Any, Any], wanted: str | Step[..., Any]) -> bool:
    if isinstance(wanted, Step):
        return step.name == wanted.name or unwrapped(step.fn) is unwrapped(wanted.fn)
    return step.name == wanted
