"""What a task is given that is known while its graph is rewritten."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from hookline.model.graph import Binding, Constant, Nested, task_outputs
from hookline.model.recording import snapshot

__all__ = ["Constants", "known_value"]


class Constants(Mapping[str, Any]):
    """The values of those bindings that refer to no task; each is copied, or read, when it is asked for.

    Args:
        bindings: By parameter.
        known: Gives the value of such a binding.
    """

    def __init__(self, bindings: Mapping[str, Binding], known: Callable[[Binding], Any]) -> None:
        self._bindings = {name: binding for name, binding in bindings.items() if _is_known(binding)}
        self._known = known

    def __getitem__(self, name: str) -> Any:
        # Lists may be changed by who gets them, and the graph's own must not be.
        return snapshot(self._known(self._bindings[name]))

    def __iter__(self) -> Iterator[str]:
        return iter(self._bindings)

    def __len__(self) -> int:
        return len(self._bindings)

    def __repr__(self) -> str:
        return f"<constants {', '.join(self._bindings)}>"  # values may be long, or nobody's business


def known_value(binding: Binding) -> Any:
    """Give what a binding without references stands for.

    Args:
        binding: A constant, or a list, tuple or dict of constants.
    """
    if isinstance(binding, Nested):
        values = [known_value(item) for item in binding.items]
        if binding.kind == "dict":
            return dict(zip(binding.keys, values, strict=True))
        return tuple(values) if binding.kind == "tuple" else values
    assert isinstance(binding, Constant)  # what attempts gave is known to the engine only, which brings a reader
    return binding.value


def _is_known(binding: Binding) -> bool:
    return next(task_outputs(binding), None) is None
