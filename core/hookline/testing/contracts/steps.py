"""What every step keeps that others use: one that a plugin registers, or a module shares."""

from __future__ import annotations

import enum
import importlib
import inspect
import json
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any

import pytest

from hookline.engine import api
from hookline.model.secret import Secret
from hookline.model.step import Step
from hookline.model.workflow import workflow
from hookline.store.journal import open_store
from hookline.store.outputs import unpack_outputs

__all__ = ["StepContract"]


class StepContract:
    """What every step keeps; inherit, and bring ``step`` and ``calls``.

    .. code-block:: python

        class TestSplit(StepContract):
            step = split
            calls = ({"rows": [1, 2, 3], "share": 0.5},)

    Attributes:
        step: The step.
        calls: Arguments of calls that succeed, by name.
        deterministic: Whether the same arguments always give the same result.
    """

    step: Any
    calls: Sequence[Mapping[str, Any]] = ()
    deterministic = True

    @property
    def tested(self) -> Step[..., Any]:
        """The step; asked of the class, since a step is no method."""
        found: Step[..., Any] = type(self).step
        return found

    def test_it_is_a_step_that_says_what_it_does(self) -> None:
        """The first line of its docstring is what lists show."""
        assert isinstance(self.tested, Step)
        assert inspect.getdoc(self.tested.fn), "give the step a docstring"
        assert self.calls, "give arguments of a call"

    def test_it_declares_the_types_of_its_arguments_and_its_result(self) -> None:
        """Parameters are validated by them, edges checked, results taken apart."""
        hints = typing.get_type_hints(self.tested.fn)
        names = [*inspect.signature(self.tested.fn).parameters, "return"]
        assert [name for name in names if name not in hints] == []

    def test_it_is_found_by_its_name(self) -> None:
        """Workers, and runs that are resumed later, import it from its module."""
        fn = self.tested.fn
        found: Any = importlib.import_module(fn.__module__)
        for part in fn.__qualname__.split("."):
            assert part != "<locals>", "define the step at the top level of its module"
            found = getattr(found, part)
        assert found is fn or (isinstance(found, Step) and found.fn is fn)

    def test_its_defaults_can_be_written_in_a_file(self) -> None:
        """Settings and YAML give arguments as numbers, texts, lists and the like."""
        for name, parameter in inspect.signature(self.tested.fn).parameters.items():
            default = parameter.default
            if default is not parameter.empty and not isinstance(default, (PurePath, enum.Enum, Secret)):
                try:
                    json.dumps(default)
                except TypeError:
                    pytest.fail(f"the default of '{name}' can't be written in a file: {default!r}")

    def test_outside_of_a_workflow_it_is_the_plain_function(self) -> None:
        """It can be tested, and tried in a notebook, without a run."""
        for call in self.calls:
            assert type(self.tested(**call)) is type(self.tested.fn(**call))

    def test_its_result_is_the_same_on_every_executor(self, tmp_path: Path) -> None:
        """In the driver, in threads and in processes; with equal digests where it is deterministic."""
        for number, call in enumerate(self.calls):
            told = [self._digests(tmp_path / f"{number}-{name}", call, name) for name in _EXECUTORS]
            if self.deterministic:
                assert told[0] == told[1] == told[2]

    def test_it_is_reused_where_it_may_be(self, tmp_path: Path) -> None:
        """A second run with the same arguments makes no attempt, unless the step has side effects."""
        for number, call in enumerate(self.calls):
            store = tmp_path / str(number)
            self._digests(store, call, "threads")
            again = api.run(self._flow(call), executor="threads", store=store)
            (task,) = again.tasks.values()
            assert task.state == ("reused" if self.tested.declared.cache else "completed"), task.why

    def _flow(self, call: Mapping[str, Any]) -> Any:
        step = self.tested

        @workflow
        def flow() -> Any:
            return step(**call)

        return flow

    def _digests(self, folder: Path, call: Mapping[str, Any], executor: str) -> list[str]:
        run = api.run(self._flow(call), executor=executor, store=folder)
        (task,) = run.tasks.values()
        assert run.status == "completed", f"on {executor}: {task.error}"
        with open_store(folder) as store:
            (blob,) = store.outputs(run.id, 0, 0, 1)
        assert blob is not None
        return [slot.digest.hex() for slot in unpack_outputs(blob)]


_EXECUTORS = ("inline", "threads", "processes")
