"""A plugin with two kinds of stores: hookline's own in a given folder, and one that notes what it is asked for."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Self, cast

from hookline import Plugin, Register, SqliteStore, Store, hookimpl


@dataclass(frozen=True)
class Settings:
    folder: str


plugin = Plugin("ram", settings=Settings)


@hookimpl
def register_stores(register: Register, settings: Settings) -> None:
    register("ram", partial(open_ram, settings.folder))
    register("counted", partial(open_counted, settings.folder))


def open_ram(folder: str, url: str, *, create: bool, durability: str) -> SqliteStore:
    """Keep hookline's own store in a folder that is in memory."""
    name = url.partition("://")[2]
    return SqliteStore.open(Path(folder, name), create=create, durability=durability, address=url)


def open_counted(folder: str, url: str, *, create: bool, durability: str) -> Store:
    """Hand on to such a store what this one is asked for, and note it."""
    opened = open_ram(folder, url, create=create, durability=durability)
    return cast("Store", Counted(opened, Path(folder, "asked")))


class Counted:
    """Keeps the protocol, and nothing beyond it; notes what it is asked for."""

    def __init__(self, store: Store, asked: Path) -> None:
        self._store = store
        self._asked = asked

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in vars(Store):
            raise AttributeError(f"no store has to have {name}")
        with self._asked.open("a") as file:
            file.write(f"{name}\n")
        return getattr(self._store, name)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
