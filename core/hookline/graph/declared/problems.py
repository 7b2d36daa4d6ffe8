"""What is wrong with a declared workflow, collected until all of it is known."""

from __future__ import annotations

from collections.abc import Iterable

from hookline.errors import HooklineError, WorkflowError, close_match
from hookline.model.place import Place

__all__ = ["Problems", "suggestion", "worded"]

_MOST_SHOWN = 50


class Problems:
    """Collects problems of one file.

    Args:
        file: The file's path.
    """

    def __init__(self, file: str) -> None:
        self.file = file
        self._found: dict[tuple[int, str], None] = {}

    def __bool__(self) -> bool:
        return bool(self._found)

    def note(self, line: int, text: str) -> None:
        """Add a problem; the same one at the same line counts once."""
        self._found.setdefault((line, text))

    def place(self, line: int) -> str:
        """Word a line of the file."""
        return str(Place(self.file, line))

    def raise_if_any(self) -> None:
        """Raise all problems as one error, in the order of their lines.

        Raises:
            WorkflowError: There are any.
        """
        if not self._found:
            return
        found = sorted(self._found, key=lambda one: one[0])
        texts = [f"{self.place(line)}: {text}" for line, text in found]
        many = f"{len(texts)} problems" if len(texts) > 1 else "a problem"
        if len(texts) > _MOST_SHOWN:
            texts[_MOST_SHOWN:] = [f"… and {len(texts) - _MOST_SHOWN} more"]
        raise WorkflowError(f"'{self.place(0).removesuffix(':0')}' has {many}", problems=texts)


def suggestion(name: str, known: Iterable[str], every: str) -> str:
    """Word what could have been meant: the nearest name, else all there are.

    Args:
        name: What was written.
        known: What would have been right.
        every: How the list of all begins, such as ``"keys are"``.

    Returns:
        The words, with a semicolon before them; empty where nothing is known.
    """
    names = list(known)
    return f";{close_match(name, names) or f' {every} ' + ', '.join(names)}" if names else ""


def worded(error: HooklineError) -> str:
    """Word an error as one line of many: with its remedy, where the message does not hold one."""
    return f"{error.message}; {error.help}" if error.help and "did you mean" not in error.message else error.message
