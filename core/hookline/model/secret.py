"""Secrets: parameters that say where a secret value lies, never what it is.

What comes before the colon is a scheme; plugins register more of them than ``env`` and ``file``.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Generic, TypeVar

from hookline.errors import HooklineError, UsageError
from hookline.model.bringing import bring
from hookline.model.masking import expect, keep_out
from hookline.model.registry import Registry

__all__ = ["IN_THE_OPEN", "SECRETS", "Secret", "restore_secret", "secret_places"]

IN_THE_OPEN = "a secret was given in the open"

T = TypeVar("T")

SECRETS: Registry[str] = Registry("secret scheme")
"""By scheme, the function that reads a secret: it gets what follows the colon, and gives the value."""
SECRETS.register("env", "hookline.model.secret:read_variable", source="hookline")
SECRETS.register("file", "hookline.model.secret:read_file", source="hookline")


class Secret(Generic[T]):
    """A reference to a secret: ``env:NAME``, ``file:/run/secrets/name``, or of a scheme that a plugin registered.

    The reference is what is stored, compared and shown; the value is read where :meth:`reveal` is called. In what steps
    print, log, note and raise, three stars stand for it. What a step returns is stored as it is.

    Args:
        reference: Where the value lies.

    Raises:
        UsageError: It is no such reference; the message does not repeat what was given.
    """

    __slots__ = ("reference",)

    def __init__(self, reference: str) -> None:
        scheme, _, where = reference.partition(":")
        if not where or not _is_known(scheme):
            raise UsageError(IN_THE_OPEN, help=f"give its place instead: {secret_places()}")
        self.reference = reference
        expect(reference, self._peek)

    def reveal(self) -> str:
        """Read the value; from now on it is masked in what this process records.

        Returns:
            The variable's value, the file's text without the line break at its end, or what the scheme's reader gives.

        Raises:
            UsageError: There is nothing at that place, or no plugin here reads the scheme.
        """
        value = self._read()
        keep_out(value)
        return value

    def _read(self) -> str:
        scheme, _, where = self.reference.partition(":")
        if not _is_known(scheme):
            raise UsageError(
                f"no plugin here reads secrets of the scheme '{scheme}'",
                help="install or enable the plugin that does, here and for the run's workers; known are "
                f"{secret_places()}",
            )
        try:
            value = SECRETS.make(scheme, where)
        except HooklineError:
            raise
        except Exception as error:  # noqa: BLE001 - a plugin's reader may raise anything
            # Without the cause: what it tells may be the secret.
            raise UsageError(
                f"the secret '{self.reference}' can't be read: {type(error).__name__}",
                help=f"ask {SECRETS.entry(scheme).source}, which reads '{scheme}'",
            ) from None
        if not isinstance(value, str):
            raise UsageError(f"the secret '{self.reference}' is no text but of type '{type(value).__name__}'")
        return value

    def _peek(self) -> str | None:
        """Read the value for masking it, where that takes nothing away."""
        scheme, _, where = self.reference.partition(":")
        if scheme == "file" and not Path(where).is_file():
            return None  # A pipe gives its content only once: to the step.
        try:
            return self._read()
        except (HooklineError, OSError, ValueError):
            return None

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

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return restore_secret, (self.reference,)


def restore_secret(reference: str) -> Secret[Any]:
    """Make a secret again that was stored: its scheme may be unknown here as long as nobody reads it.

    Stored streams name this function: it stays here.
    """
    secret: Secret[Any] = object.__new__(Secret)
    secret.reference = reference
    expect(reference, secret._peek)
    return secret


def read_variable(name: str) -> str:
    """Read an environment variable."""
    if name not in os.environ:
        raise UsageError(f"the environment variable '{name}' of a secret is not set", help=f"export {name}=…")
    return os.environ[name]


def read_file(path: str) -> str:
    """Read a file's text, without the line break at its end."""
    try:
        return Path(path).read_text().rstrip("\r\n")
    except OSError as error:
        raise UsageError(f"the secret file '{path}' can't be read: {error.strerror}") from error


def _is_known(scheme: str) -> bool:
    """Tell whether something reads secrets of a scheme, if need be once plugins are loaded."""
    if scheme not in SECRETS:
        bring()
    return scheme in SECRETS


def secret_places() -> str:
    """Word the places that secrets may lie at: ``env:NAME or file:/path``."""
    known = {"env": "env:NAME", "file": "file:/path"}
    shown = [known.get(scheme, f"{scheme}:…") for scheme in SECRETS.names()]
    return f"{', '.join(shown[:-1])} or {shown[-1]}"


def _as_secret(value: object) -> Secret[Any]:
    if isinstance(value, Secret):
        return value
    try:
        return Secret(value if isinstance(value, str) else "")
    except UsageError as error:
        raise ValueError(error.message) from None
