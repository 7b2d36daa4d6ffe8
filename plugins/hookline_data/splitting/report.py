"""What a check for leakage found, test by test."""

from __future__ import annotations

from dataclasses import dataclass

from hookline.ml import Check

__all__ = ["LeakageReport", "Untested"]


@dataclass(frozen=True, slots=True)
class Untested:
    """A test that was not made.

    Attributes:
        name: Of the test.
        reason: Why it could not be.
    """

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class LeakageReport:
    """What a check for leakage found.

    Attributes:
        passed: Whether no test failed but those that may.
        checks: The tests that were made.
        untested: Those that were not.
        allowed: Names of kinds of tests that may fail.
    """

    passed: bool
    checks: tuple[Check, ...]
    untested: tuple[Untested, ...] = ()
    allowed: tuple[str, ...] = ()

    @property
    def failed(self) -> tuple[Check, ...]:
        """The tests that failed, also those that may."""
        return tuple(check for check in self.checks if not check.passed)

    def __str__(self) -> str:
        lines = [f"{'passed' if check.passed else 'FAILED'}  {check.name}: {check.reason}" for check in self.checks]
        lines += [f"untested  {test.name}: {test.reason}" for test in self.untested]
        return "\n".join(lines)
