"""Steps as a plugin shares them."""

from __future__ import annotations

import random
from pathlib import Path

from hookline import step

_NOTHING = object()


@step
def halves(rows: list[int], share: float = 0.5, title: str | None = None) -> tuple[list[int], list[int]]:
    """Split rows in two."""
    cut = int(len(rows) * share)
    return rows[:cut], rows[cut:]


@step
def written(text: str, name: Path = Path("note.txt")) -> Path:
    """Write a file."""
    from hookline import attempt

    try:
        folder = attempt().folder
    except Exception:
        import tempfile

        folder = Path(tempfile.mkdtemp())
    path = folder / name.name
    path.write_text(text)
    return path


@step(cache=False)
def drawn(limit: int) -> int:
    """Draw a number."""
    return random.randrange(limit)


@step
def untyped(x, y=_NOTHING):
    return x
