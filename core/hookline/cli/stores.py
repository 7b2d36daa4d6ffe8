"""Finding and opening the store for commands that name no workflow."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hookline.config import Configuration, StoreAddress, check_store, configure, without_password
from hookline.errors import UsageError
from hookline.hooks.loader import load_plugins
from hookline.model.bringing import bring_with
from hookline.values.policy import set_load_policy

if TYPE_CHECKING:
    from hookline.store.journal import SqliteStore
    from hookline.store.protocol import Store

__all__ = ["existing_folder", "existing_store", "journal_of", "opened_journal", "opened_store"]


def existing_store(given: str | None, env: str | None = None) -> StoreAddress:
    """Find the store that such a command is about.

    Args:
        given: What was given with ``--store``.
        env: What was given with ``--env``.

    Returns:
        The folder of a store that is there, or a URL.

    Raises:
        UsageError: There is none yet.
    """
    return check_store(_settings(given, env).store)


def existing_folder(given: str | None, env: str | None, command: str) -> Path:
    """Find the folder of the store for a command that is about the files of hookline's own kind of store.

    Args:
        given: As for :func:`existing_store`.
        env: As for :func:`existing_store`.
        command: The command.

    Raises:
        UsageError: There is none yet, or a plugin's URL names it.
    """
    address = existing_store(given, env)
    if isinstance(address, str):
        raise UsageError(
            f"'{without_password(address)}' is no folder, and '{command}' is about the files of one",
            help="if the plugin that brings it keeps hookline's own journal, name its folder: --store PATH",
        )
    return address


def opened_store(given: str | None, env: str | None = None) -> Store:
    """Open the store that such a command is about.

    Args:
        given: As for :func:`existing_store`.
        env: As for :func:`existing_store`.

    Raises:
        UsageError: There is none yet, or no plugin brings it.
        StoreError: It can't be read.
    """
    from hookline.hooks.stores import open_configured

    return open_configured(_settings(given, env))


def opened_journal(given: str | None, env: str | None, command: str) -> SqliteStore:
    """Open the store for a command that only hookline's own kind of store, and what inherits from it, can serve.

    Args:
        given: As for :func:`existing_store`.
        env: As for :func:`existing_store`.
        command: The command.

    Raises:
        UsageError: There is none yet, or it is of another kind.
        StoreError: It can't be read.
    """
    return journal_of(opened_store(given, env), command)


def journal_of(store: Store, command: str) -> SqliteStore:
    """Give a store as hookline's own kind, which a command needs.

    Raises:
        UsageError: It is of another kind.
    """
    from hookline.store.journal import SqliteStore

    if not isinstance(store, SqliteStore):
        raise UsageError(
            f"the store '{without_password(store.address)}' does not offer '{command}': it is a"
            f" {type(store).__name__}, and its journal is not hookline's own",
            help="the plugin that brings it can have commands of its own: hookline plugins list",
        )
    return store


def _settings(given: str | None, env: str | None) -> Configuration:
    settings = configure(env=env, store=given or None)
    bring_with(lambda: load_plugins(settings))
    set_load_policy(settings.load_policy)
    path = check_store(settings.store)
    if isinstance(path, Path) and not path.is_dir():
        raise UsageError(
            f"nothing is recorded here: there is no store '{path}'",
            help="run a workflow first, or name the store: --store PATH (or HOOKLINE_STORE)",
        )
    return settings
