"""Importing the target file from its text as it is now, under its stable name; errors show the user's line."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import sys
import traceback
from collections.abc import Iterator, Sequence
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType

from hookline.errors import HooklineError, UsageError, WorkflowError
from hookline.values.homes import note_module
from hookline.worker.failures import failure_of
from hookline.worker.naming import Naming

__all__ = ["execute", "extend_path", "import_beside", "import_problem", "is_loading", "is_target", "note_target"]

_sources: dict[str, tuple[Path, bytes]] = {}
"""Per stable name: the file and the text that its module was made from."""

_loading: list[str] = []


def is_loading() -> bool:
    """Tell whether a target file is being imported: it must not start a run then."""
    return bool(_loading)


def is_target(module_name: str) -> bool:
    """Tell whether workers import a module by its file, so that its name is enough there."""
    return module_name in _sources


def note_target(naming: Naming) -> None:
    """Note that a module stands for a file by its stable name."""
    _note(naming.module_name, naming.file, _text(naming.file))


def extend_path(entries: Sequence[str]) -> None:
    """Let imports look in these folders first."""
    missing = [entry for entry in entries if entry not in sys.path]
    sys.path[:0] = missing
    if missing:
        importlib.invalidate_caches()


def import_beside(name: str) -> ModuleType:
    """Import a module that a workflow's file names, by that name.

    Args:
        name: Its dotted name.

    Returns:
        The module.

    Raises:
        HooklineError: It can't be imported; says why, and in which line.
    """
    try:
        with _noted(name):
            return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise import_problem(None, error, name) from error
        raise UsageError(
            f"there is no module '{name}'", help="give the name of a module that can be imported from the file's folder"
        ) from error
    except (Exception, SystemExit) as error:
        raise import_problem(None, error, name) from error


def execute(naming: Naming) -> ModuleType:
    """Import a target file, or give its module if the file is as it was then.

    Args:
        naming: Which file, under which name.

    Returns:
        The module.

    Raises:
        Exception: Whatever its code raises.
    """
    name = naming.module_name
    text = _text(naming.file)
    known = sys.modules.get(name)
    if known is not None and _sources.get(name) == (naming.file, text):
        return known
    if naming.packaged:
        _import_package(naming)
        before, known = known, sys.modules.get(name)
        if known is not None and known is not before and _is_of(known, naming.file):
            # Its package imports it.
            _note(name, naming.file, text)
            return known
    return _execute(naming, text)


def import_problem(file: Path | None, error: BaseException, name: str = "") -> HooklineError:
    """Word why a file or module can't be imported.

    Args:
        file: The file.
        error: What its import raised.
        name: The module's name, where no file is known.

    Returns:
        The error to raise.
    """
    if isinstance(error, HooklineError):
        return error
    what = _near(file) if file is not None else name
    if isinstance(error, SyntaxError):
        return _syntax_problem(what, error)
    if isinstance(error, SystemExit):
        return WorkflowError(
            f"'{what}' ends the program while it is imported ({failure_of(error, ()).frame})",
            help='put what is not a definition under if __name__ == "__main__":',
        )
    failure = failure_of(error, ())
    remedy = f"mend that line; 'python {what}' shows the whole traceback"
    if isinstance(error, ModuleNotFoundError) and error.name:
        remedy = f"install '{error.name.partition('.')[0]}' in this environment, or mend the import"
    return WorkflowError(
        f"'{what}' can't be imported: {failure.type}: {failure.message} ({failure.frame})", help=remedy
    )


class _TextLoader(SourceFileLoader):
    """Compiles the file's text each time: cached bytecode goes by time and size, which a quick edit can leave equal."""

    def get_code(self, fullname: str) -> CodeType | None:
        path = self.get_filename(fullname)
        code: CodeType = self.source_to_code(self.get_data(path), path)
        return code


def _execute(naming: Naming, text: bytes) -> ModuleType:
    name, file = naming.module_name, naming.file
    is_package = file.name == "__init__.py"
    spec = importlib.util.spec_from_file_location(
        name,
        file,
        loader=_TextLoader(name, str(file)),
        submodule_search_locations=[str(file.parent)] if is_package else None,
    )
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    before = sys.modules.get(name)
    sys.modules[name] = module
    stem = file.stem
    if not naming.packaged:
        # A neighbour that imports it by its plain name must get the same module.
        aliased = sys.modules.get(stem)
        if aliased is None or aliased is before:
            sys.modules[stem] = module
    assert spec.loader is not None
    try:
        with _noted(name):
            spec.loader.exec_module(module)
    except BaseException:
        for key in {name, stem}:
            if sys.modules.get(key) is module:
                del sys.modules[key]
        raise
    _note(name, file, text)
    _attach(name, module)
    return module


@contextlib.contextmanager
def _noted(name: str) -> Iterator[None]:
    _loading.append(name)
    try:
        yield
    finally:
        _loading.pop()


def _import_package(naming: Naming) -> None:
    package = naming.module_name.rpartition(".")[0]
    if not package or naming.file.name == "__init__.py":
        return
    with _noted(naming.module_name):
        module = importlib.import_module(package)
    folders = [Path(entry).absolute() for entry in getattr(module, "__path__", ())]
    if naming.file.parent not in folders:
        raise WorkflowError(
            f"'{_near(naming.file)}' belongs to the package '{package}', but importing that name gives "
            f"{getattr(module, '__file__', None) or folders}",
            help=f"rename the folder '{naming.file.parent.name}', or run from an environment without the other package",
        )


def _attach(name: str, module: ModuleType) -> None:
    """Let ``import a.b`` in a neighbour find the module as an attribute of its package."""
    package, _, stem = name.rpartition(".")
    parent = sys.modules.get(package)
    # A package may call something else by that name, such as the workflow that it takes from the module.
    if parent is not None and isinstance(getattr(parent, stem, module), ModuleType):
        setattr(parent, stem, module)


def _is_of(module: ModuleType, file: Path) -> bool:
    found = getattr(module, "__file__", None)
    return isinstance(found, str) and Path(found).absolute() == file


def _note(name: str, file: Path, text: bytes) -> None:
    _sources[name] = (file, text)
    note_module(name)


def _text(file: Path) -> bytes:
    return file.read_bytes()


def _near(file: Path) -> str:
    try:
        return str(file.relative_to(Path.cwd()))
    except (ValueError, OSError):
        return str(file)


def _syntax_problem(what: str, error: SyntaxError) -> WorkflowError:
    lines = [line.rstrip("\n") for line in traceback.format_exception_only(type(error), error)]
    where = f"{_near(Path(error.filename))}:{error.lineno}" if error.filename else what
    shown = "".join(f"\n{line}" for line in lines[1:-1])
    return WorkflowError(
        f"'{what}' can't be imported: {type(error).__name__}: {error.msg} ({where}){shown}", help="mend that line"
    )
