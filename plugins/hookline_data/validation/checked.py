"""What a return type says of the checks that its value needs, and which of pandera's classes say it as they are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from hookline import ml
from hookline_data.schemas.recognition import is_pandera

__all__ = ["Checked", "Mode", "wanted"]

Mode = Literal["fail", "warn", "quarantine"]
"""What becomes of a table in which something is wrong."""


@dataclass(frozen=True)
class Checked:
    """Says beside a return type that the value is to be checked: ``Annotated[DataFrame, Checked("customers")]``.

    Attributes:
        schema: The schema, or what names it: the name of a source, a YAML file below the project's root,
            ``"module:Name"``.
        mode: What becomes of what is wrong: ``"fail"``, ``"warn"`` or ``"quarantine"``.
        max_bad: The share of bad rows above which a quarantine fails.
        name: What the table is called in reports; the schema's name by default.
    """

    schema: Any
    mode: Mode = "fail"
    max_bad: float = 1.0
    name: str = ""


def wanted(metadata: Iterable[Any]) -> list[Checked]:
    """Tell which checks an annotation asks for.

    Args:
        metadata: What ``Annotated`` says beside the type.

    Returns:
        One check for each schema and each :class:`Checked`, in their order.
    """
    found = []
    for said in metadata:
        if isinstance(said, Checked):
            found.append(said)
        elif isinstance(said, ml.Schema) or is_pandera(said):
            found.append(Checked(said))
    return found
