"""Secrets: parameters that say where a secret value lies, never what it is."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Generic, TypeVar

from hookline.errors import UsageError
from hookline.model.masking import expect, keep_out

__all__ = ["IN_THE_OPEN", "Secret"]

IN_THE_OPEN = "a secret was given in the open"

T = TypeVar("T")


class Secret(Generic[T]):
    """A reference to a secret: ``env:NAME`` or ``file:/run/secrets/name``.

    The reference is what is stored, compared and shown; the value is read where :meth:`reveal` is called. In what steps
    print, log, note and raise, three stars stand for it. What a step returns is stored as it is.

    Args:
        reference: Where the value lies.

    Raises:
        UsageError: It is no such reference; the message does not repeat what was given.
    """

    __slots__ = ("reference",)

    def __init__(self, reference: str) -> None:
        kind, _, where = reference.partition(":")
        if kind not in ("env", "file") or not where:
            raise UsageError(
                IN_THE_OPEN,
                help="give its place instead: env:NAME or file:/path/to/the/secret",
            )
        self.reference = reference
        expect(reference)

    def reveal(self) -> str:
        """Read the value; from now on it is masked in what this process records.

        Returns:
            The variable's value, or the file's text without the line break at its end.

        Raises:
            UsageError: There is nothing at that place.
        """
        value = self._read()
        keep_out(value)
        return value

    def _read(self) -> str:
        kind, _, where = self.reference.partition(":")
        if kind == "env":
            if where not in os.environ:
                raise UsageError(f"the environment variable '{where}' of a secret is not set", help=f"export {where}=…")
            return os.environ[where]
        try:
            return Path(where).read_text().rstrip("\r\n")
        except OSError as error:
            raise UsageError(f"the secret file '{where}' can't be read: {error.strerror}") from error

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        return core_schema.no_info_plain_validator_function(_as_secret)

    def __repr__(self) -> str:
        return f"Secret({self.reference!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other.reference == self.reference

    def __hash__(self) -> int:
        return hash(self.reference)

    def __reduce__(self) -> tuple[type[Secret[T]], tuple[str]]:
        return type(self), (self.reference,)


def _as_secret(value: object) -> Secret[Any]:
    if isinstance(value, Secret):
        return value
    try:
        return Secret(value if isinstance(value, str) else "")
    except UsageError as error:
        raise ValueError(error.message) from None
