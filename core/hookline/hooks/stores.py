"""Opens stores by their address: a folder's path, or a URL whose scheme a plugin registered."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, cast

from hookline.config import check_store, scheme_of, without_password
from hookline.errors import HooklineError, PluginError, UsageError, close_match
from hookline.hooks.loader import load_plugins
from hookline.store.journal import open_store

if TYPE_CHECKING:
    from hookline.config import Configuration, StoreAddress
    from hookline.hooks.plugin_set import PluginSet
    from hookline.store.protocol import Store

__all__ = ["open_address", "open_configured"]


def open_configured(configuration: Configuration, plugins: PluginSet | None = None, *, create: bool = False) -> Store:
    """Open the store that a project's settings name.

    Args:
        configuration: The settings.
        plugins: The project's plugins, where they are loaded already.
        create: Whether to make the store when it isn't there.

    Returns:
        The store.

    Raises:
        StoreError: It can't be used, or is not there.
        UsageError: There can't be such a store; says where it was set.
        PluginError: The plugin that brings it failed.
    """
    origin = configuration.origin("store")
    return open_address(
        check_store(configuration.store),
        lambda: load_plugins(configuration) if plugins is None else plugins,
        create=create,
        durability=configuration.durability,
        said_by="" if origin == "given" else f"{origin}: ",
    )


def open_address(
    address: StoreAddress,
    plugins: Callable[[], PluginSet],
    *,
    create: bool = False,
    durability: str = "full",
    said_by: str = "",
) -> Store:
    """Open a store.

    Args:
        address: Its folder's path, or its URL.
        plugins: Gives the plugins among which a URL's scheme is looked for; not called for a path.
        create: Whether to make the store when it isn't there.
        durability: ``"full"`` or ``"fast"``.
        said_by: Where the address was set, to go before what is wrong with it.

    Returns:
        The store.

    Raises:
        StoreError: It can't be used, or is not there.
        UsageError: No plugin registered the scheme.
        PluginError: The plugin's factory failed, or gave something else than the store of that URL.
    """
    scheme = scheme_of(address)
    if scheme is None:
        return open_store(address, create=create, durability=durability)
    url, found = str(address), plugins()
    if scheme not in found.stores:
        raise _unknown(url, scheme, found, said_by)
    return _opened(url, scheme, found, create, durability)


def _opened(url: str, scheme: str, plugins: PluginSet, create: bool, durability: str) -> Store:
    source = plugins.stores.entry(scheme).source
    try:
        store = plugins.stores.make(scheme, url, create=create, durability=durability)
    except HooklineError:
        raise
    except Exception as error:
        raise PluginError(
            f"the store '{without_password(url)}' ({source}) can't be opened: {type(error).__name__}: {error}",
            help="the error is the plugin's own; its authors can tell more",
        ) from error
    address, path = (getattr(store, name, None) for name in ("address", "path"))
    if address != url or not isinstance(path, Path):
        what = f"a {type(store).__name__}"
        if address is not None:
            wrong = f"address '{without_password(address)}'" if address != url else f"path {path!r}"
            what = f"one with the {wrong}"
        raise PluginError(
            f"the factory of stores '{scheme}://' ({source}) was asked for '{without_password(url)}', and gave {what}",
            help="give what keeps hookline.Store: its 'address' is the URL, its 'path' the path of a folder",
        )
    return cast("Store", store)


def _unknown(url: str, scheme: str, plugins: PluginSet, said_by: str) -> UsageError:
    known = plugins.stores.names()
    near = close_match(scheme, known)
    remedy = f"install the plugin that brings '{scheme}', or give the path of a folder"
    if plugins.absent:
        remedy += f"; left out are {', '.join(f'{name!r}, {why}' for name, why in sorted(plugins.absent.items()))}"
    return UsageError(
        f"{said_by}no plugin brings the store '{without_password(url)}': there is no scheme '{scheme}'"
        + (f";{near}" if near else ""),
        help=f"use {', '.join(f'{name}://' for name in known)}; or {remedy}" if known else remedy,
    )
