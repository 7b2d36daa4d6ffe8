"""What a mapped workflow returned: the value of each partition, loaded when it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from hookline.model.graph import Binding, Nested

__all__ = ["PartitionResults"]


class PartitionResults(Mapping[str, Any]):
    """Values by the partition's name; equal to a dict of the same values.

    There may be thousands, each as large as a single run's result: none is kept.

    Args:
        returns: A dict of bindings.
        load: Loads what one is bound to.
    """

    def __init__(self, returns: Nested, load: Callable[[Binding], Any]) -> None:
        self._returns: dict[str, Binding] = dict(zip(returns.keys, returns.items, strict=True))
        self._load = load

    def __getitem__(self, partition: str) -> Any:
        return self._load(self._returns[partition])

    def __iter__(self) -> Iterator[str]:
        return iter(self._returns)

    def __len__(self) -> int:
        return len(self._returns)

    def __repr__(self) -> str:
        return f"<results of {len(self)} {'partition' if len(self) == 1 else 'partitions'}>"
