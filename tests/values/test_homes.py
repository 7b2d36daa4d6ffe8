"""Classes of stored values that another module defines here than where they were stored."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from hookline.errors import HooklineError
from hookline.values import homes

CODE = "class Row:\n    def __init__(self, a):\n        self.a = a\n"


def digest(code: frozenset[Any]) -> bytes:
    """Stands for the fingerprint of code: the classes' own methods."""
    members = {kind.__qualname__: sorted(name for name in vars(kind) if not name.startswith("__")) for kind in code}
    return repr(sorted(members.items())).encode()


@pytest.fixture(autouse=True)
def as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What modules and notes there are is put back."""
    monkeypatch.setattr(homes, "_files", [])
    monkeypatch.setattr(homes, "_noted", {})
    homes.note_code_digest(digest)
    command_line = ModuleType("__main__")
    command_line.__file__ = "hookline/__main__.py"
    monkeypatch.setitem(sys.modules, "__main__", command_line)
    known = set(sys.modules)
    yield
    for name in set(sys.modules) - known:
        del sys.modules[name]


def module(name: str, code: str = CODE, file: str | None = "a.py") -> ModuleType:
    made = ModuleType(name)
    if file is not None:
        made.__file__ = file
    exec(code, vars(made))
    sys.modules[name] = made
    return made


def stored(monkeypatch: pytest.MonkeyPatch, name: str, code: str = CODE) -> tuple[bytes, bytes]:
    """A value of a class ``Row`` of a module that is gone after that, and the digest of the code."""
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, name, ModuleType(name))
        made = module(name, code)
        return pickle.dumps(made.Row(5), 5), digest(frozenset([made.Row]))


@pytest.fixture
def notebook() -> ModuleType:
    """This process's ``__main__`` is a notebook's, where the class is defined."""
    return module("__main__", file=None)


def test_a_file_finds_what_a_notebook_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    """The class of ``__main__`` is the one of the same name in the workflow's file."""
    stream, code = stored(monkeypatch, "__main__")
    flow = module("stored_flow")
    homes.note_module("stored_flow")
    assert type(homes.load(stream, [], code)) is flow.Row


def test_of_two_files_the_one_with_the_same_code_is_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    """The latest file comes first, but a class of that name with other code is not taken for it."""
    stream, code = stored(monkeypatch, "__main__")
    flow = module("stored_flow")
    other = module("stored_other", CODE + "    def more(self):\n        return 1\n")
    homes.note_module("stored_flow")
    homes.note_module("stored_other")
    assert type(homes.load(stream, [], code)) is flow.Row
    changed, its_code = stored(monkeypatch, "__main__", CODE + "    def more(self):\n        return 1\n")
    assert type(homes.load(changed, [], its_code)) is other.Row


def test_a_notebook_finds_what_a_file_stored(monkeypatch: pytest.MonkeyPatch, notebook: ModuleType) -> None:
    """The class of a file that is not loaded here is the one of the same name in the notebook."""
    stream, code = stored(monkeypatch, "stored_flow")
    assert type(homes.load(stream, [], code)) is notebook.Row


def test_a_notebook_that_imports_the_file_means_the_file(monkeypatch: pytest.MonkeyPatch, notebook: ModuleType) -> None:
    """A module that is loaded under the stored name is never passed over for a class that is merely alike."""
    stream, code = stored(monkeypatch, "stored_flow")
    flow = module("stored_flow")
    assert type(homes.load(stream, [], code)) is flow.Row
    assert flow.Row is not notebook.Row


def test_code_that_was_edited_since_goes_by_name(monkeypatch: pytest.MonkeyPatch, notebook: ModuleType) -> None:
    """As with every pickle: an old value gets today's class, for reading old runs."""
    stream, _ = stored(monkeypatch, "__main__")
    assert type(homes.load(stream, [], b"other code")) is notebook.Row
    elsewhere, _ = stored(monkeypatch, "stored_flow")
    assert type(homes.load(elsewhere, [], b"other code")) is notebook.Row


def test_a_class_that_is_nowhere_is_one_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """It says what is missing and what to do."""
    stream, code = stored(monkeypatch, "__main__")
    with pytest.raises(HooklineError, match=r"a stored value can't be loaded here: .*Row") as caught:
        homes.load(stream, [], code)
    assert "a notebook, or a file with the same text" in caught.value.help


def test_values_of_files_take_pickles_own_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """No notebook, no name of one: nothing is compared."""
    flow = module("stored_flow")
    monkeypatch.setattr(homes, "_noted", {"code digest": lambda code: pytest.fail("compared")})
    assert type(homes.load(pickle.dumps(flow.Row(1), 5), [], b"")) is flow.Row
