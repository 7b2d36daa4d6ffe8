"""What attempts need, and how often that fits on the nodes of a cluster."""

from __future__ import annotations

from collections.abc import Iterable

from hookline.executors.ray.wire import Node
from hookline.model.work import Work

__all__ = ["Amounts", "amounts_of", "described", "fitting", "most"]

Amounts = tuple[tuple[str, float], ...]
"""Amounts by Ray's names, sorted: ``(("CPU", 1.0), ("GPU", 1.0))``. Outposts of one kind have the same."""

_NAMES = {"cpu": "CPU", "gpu": "GPU"}
_RAYS_OWN = ("node:", "object_store_memory", "accelerator_type:")
_WORDS = {ray: word for word, ray in _NAMES.items()}


def amounts_of(work: Work) -> Amounts:
    """Give what an attempt needs; amounts of 0 are none."""
    found = {"CPU": work.cpu, **{_NAMES.get(name, name): amount for name, amount in work.resources}}
    return tuple(sorted((name, amount) for name, amount in found.items() if amount > 0))


def fitting(amounts: Amounts, nodes: Iterable[Node]) -> int:
    """Count how many outposts of a kind the nodes hold where nothing else is on them.

    Args:
        amounts: What each has.
        nodes: The nodes.
    """
    return sum(_fitting_on(amounts, node.amounts) for node in nodes)


def described(amounts: Amounts) -> str:
    """Write amounts as a step gives them: ``cpu=2, gpu=1``."""
    return ", ".join(f"{_WORDS.get(name, name)}={_written(name, amount)}" for name, amount in amounts)


def most(nodes: Iterable[Node]) -> Amounts:
    """Give, of each thing that anybody may ask for, the most that a node has."""
    found: dict[str, float] = {}
    for node in nodes:
        for name, amount in node.amounts.items():
            if not name.startswith(_RAYS_OWN):
                found[name] = max(amount, found.get(name, 0.0))
    return tuple(sorted(found.items()))


def _written(name: str, amount: float) -> str:
    return f"{amount / 2**30:.5g} GiB" if name == "memory" else f"{amount:g}"


def _fitting_on(amounts: Amounts, there: dict[str, float]) -> int:
    # What needs nothing that is counted fits once for each processor.
    asked = amounts or (("CPU", 1.0),)
    # Ray counts in ten thousandths; 0.1 ten times is 1.
    return min(int((there.get(name, 0.0) + 1e-9) / amount) for name, amount in asked)
