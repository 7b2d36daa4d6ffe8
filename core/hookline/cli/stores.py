"""Finding the store for commands that name no workflow."""

from __future__ import annotations

from pathlib import Path

from hookline.config import check_store, configure
from hookline.errors import UsageError
from hookline.hooks.loader import load_plugins
from hookline.values.bringing import bring_with
from hookline.values.policy import set_load_policy

__all__ = ["existing_store"]


def existing_store(given: Path | None, env: str | None = None) -> Path:
    """Find the store that such a command is about.

    Args:
        given: What was given with ``--store``.
        env: What was given with ``--env``.

    Returns:
        The folder of a store that is there.

    Raises:
        UsageError: There is none yet.
    """
    settings = configure(env=env, store=given or None)
    bring_with(lambda: load_plugins(settings))
    set_load_policy(settings.load_policy)
    path = check_store(settings.store)
    if not path.is_dir():
        raise UsageError(
            f"nothing is recorded here: there is no store '{path}'",
            help="run a workflow first, or name the store: --store PATH (or HOOKLINE_STORE)",
        )
    return path
