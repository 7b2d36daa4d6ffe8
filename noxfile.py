"""The test suite over all supported Python versions: ``nox``, or ``nox -s tests-3.13`` for one of them."""

from __future__ import annotations

import nox

nox.options.default_venv_backend = "venv"
nox.options.sessions = ["tests"]


@nox.session(python=["3.11", "3.12", "3.13", "3.14"])
def tests(session: nox.Session) -> None:
    """Run the tests; arguments after ``--`` go to pytest."""
    session.install("--editable", ".[dev]")
    session.run("python", "-m", "pytest", "-n", "2", "--dist", "loadfile", *session.posargs)


@nox.session(python="3.11")
def checks(session: nox.Session) -> None:
    """Check layout, lint, types and import rules."""
    session.install("--editable", ".[dev]")
    session.run("python", "-m", "ruff", "format", "--check", ".")
    session.run("python", "-m", "ruff", "check", ".")
    session.run("python", "-m", "mypy")
    session.run("lint-imports")
