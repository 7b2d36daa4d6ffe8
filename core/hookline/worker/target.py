"""The target file as one module: under one name, whichever way a run is started, in the driver and on every worker."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from hookline.errors import UsageError, close_match
from hookline.model.bringing import bring_with
from hookline.model.plugin_ref import PluginRef
from hookline.model.workflow import Workflow
from hookline.worker.adoption import adopt
from hookline.worker.declared import is_declared, load_declared
from hookline.worker.importing import execute, extend_path, import_problem, is_loading
from hookline.worker.naming import Naming, name_of_file

if TYPE_CHECKING:
    from hookline.hooks.plugin_set import PluginSet

__all__ = ["Target", "adopt_main", "import_target", "is_loading", "load_target", "target_of"]


_adopted: dict[str, tuple[int, int]] = {}
"""Per name: the module whose definitions were adopted, and how many names it had then."""


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """A workflow, and where its code is.

    Attributes:
        workflow: The workflow.
        module_name: The stable name of its file's module; empty where it has none (a notebook, a YAML file).
        file: The file; None where there is none.
        root: The project root; the working directory where there is no file.
        search_path: What ``sys.path`` has for it, to be put first on workers.
    """

    workflow: Workflow[Any, Any]
    module_name: str
    file: Path | None
    root: Path
    search_path: tuple[str, ...]


def load_target(spec: str | Path, *, plugins: Sequence[str] | None = None) -> Target:
    """Import a file or module and find its workflow, or read it from a YAML file.

    Args:
        spec: ``churn.py``, ``churn.py:churn``, ``package.module``, ``package.module:churn`` or ``churn.yaml``.
        plugins: Names of the plugins that alone may be loaded, where the file names what plugins bring: steps in a YAML
            file, places of secrets. By default what settings allow.

    Returns:
        The target.

    Raises:
        UsageError: There is no such file, module or workflow.
        WorkflowError: It can't be imported, or what it declares is wrong.
    """
    place, name = _split(str(spec))
    declared = is_declared(place)
    file = _file(place, str(spec)) if declared or _looks_like_file(place) else _file_of_module(place)
    naming = name_of_file(file)

    def load() -> PluginSet:
        # A worker never asks, and is not to wait for the import of what this takes.
        from hookline.config import configure
        from hookline.hooks.loader import load_plugins

        return load_plugins(configure(naming.root, plugins=plugins))

    bring_with(load)
    if declared:
        return _declared_target(naming, name, place, load)
    return _target(_choose(_load(naming), name, place), naming)


def import_target(
    module_name: str, file: str, search_path: Sequence[str], plugins: Sequence[PluginRef] = ()
) -> ModuleType | None:
    """Import the target file on a worker, under the name that it has in the driver.

    Args:
        module_name: :attr:`Target.module_name`; a file without one only says where imports look.
        file: Its path.
        search_path: :attr:`Target.search_path`.
        plugins: Those of the driver, for what is needed of them while the file is imported.

    Returns:
        The module, which ``__main__`` means here, too; None where the file is no Python file.

    Raises:
        Exception: Whatever its import raises.
    """
    extend_path(search_path)
    if not module_name:
        return None

    def load() -> None:
        from hookline.hooks.in_worker import worker_plugins  # loads pluggy, which few files ask for so early

        worker_plugins(plugins)

    bring_with(load)
    naming = name_of_file(Path(file), module_name)
    module = execute(naming)
    sys.modules["__main__"] = module
    return module


def adopt_main() -> str:
    """Let what ``__main__`` defines go by its file's stable name, as if the file had been imported.

    For ``python churn.py`` and ``python -m package.churn``. May be called any number of times.

    Returns:
        The stable name; empty where ``__main__`` has no file of its own: a notebook, a shell.
    """
    return _adopt("__main__")


def target_of(workflow: Workflow[Any, Any]) -> Target:
    """Tell where the code of a workflow is that is run from Python.

    What ``__main__`` defines is adopted on the way.

    Args:
        workflow: Any workflow.

    Returns:
        The target, as :func:`load_target` would give it for its file.
    """
    adopt_main()
    if workflow.file is not None:
        return _of_declared(workflow, name_of_file(workflow.file))
    name = workflow.origin.fn.__module__
    file = _own_file(sys.modules.get(name))
    if file is None or name == "__main__":
        return Target(workflow, "", None, Path.cwd(), ())
    naming = name_of_file(file)
    if naming.module_name != name:
        _adopt(name)
    return _target(workflow, naming)


def _target(workflow: Workflow[Any, Any], naming: Naming) -> Target:
    extend_path(naming.search_path)
    return Target(workflow, naming.module_name, naming.file, naming.root, naming.search_path)


def _declared_target(naming: Naming, name: str, place: str, plugins: Callable[[], PluginSet]) -> Target:
    workflow = load_declared(naming, plugins)
    if name and name != workflow.name:
        raise UsageError(
            f"there is no workflow '{name}' in '{place}': it declares '{workflow.name}'", help=f"give {place}"
        )
    return _of_declared(workflow, naming)


def _of_declared(workflow: Workflow[Any, Any], naming: Naming) -> Target:
    extend_path(naming.search_path)
    return Target(workflow, "", naming.file, naming.root, naming.search_path)


def _adopt(name: str) -> str:
    module = sys.modules.get(name)
    file = _own_file(module)
    if file is None or module is None:
        return ""
    naming = name_of_file(file)
    # Looking for definitions goes through all objects; a program that starts many runs pays for that once.
    state = (id(module), len(vars(module)))
    if _adopted.get(name) != state:
        adopt(module, name, naming)
        _adopted[name] = state
    extend_path(naming.search_path)
    return naming.module_name


def _own_file(module: ModuleType | None) -> Path | None:
    file = getattr(module, "__file__", None)
    if not isinstance(file, str) or not file.endswith(".py"):
        return None
    path = Path(file).absolute()
    return path if path.is_file() else None


def _load(naming: Naming) -> ModuleType:
    extend_path(naming.search_path)
    try:
        return execute(naming)
    except (Exception, SystemExit) as error:
        raise import_problem(naming.file, error) from error


def _split(spec: str) -> tuple[str, str]:
    place, colon, name = spec.rpartition(":")
    # A name after the colon; 'C:\\churn.py' and a file that is itself called 'a:b.py' have none.
    return (place, name) if colon and place and name.isidentifier() else (spec, "")


def _looks_like_file(place: str) -> bool:
    path = Path(place)
    if is_declared(place) or path.suffix in (".py", ".ipynb", ".txt") or len(path.parts) > 1 or path.exists():
        return True
    return not all(part.isidentifier() for part in place.split("."))


def _file(place: str, spec: str) -> Path:
    path = Path(place)
    if path.is_dir():
        inside = _workflow_files(path)
        example = path / (inside[0] if inside else "workflow.py")
        raise UsageError(f"'{place}' is a folder", help=f"give the workflow's file, such as {example}")
    if not path.exists():
        near = close_match(path.name, _workflow_files(path.parent))
        raise UsageError(
            f"there is no file '{place}' in {Path.cwd()};{near}"
            if near
            else f"there is no file '{place}' in {Path.cwd()}",
            help="give the path to the workflow's file, such as hookline run churn.py",
        )
    if path.suffix != ".py" and not is_declared(place):
        raise UsageError(
            f"'{spec}' is no Python file", help="give a file that ends with .py or .yaml and defines a workflow"
        )
    return path.absolute()


def _workflow_files(folder: Path) -> list[str]:
    names = [entry.name for entry in folder.glob("*") if entry.suffix == ".py" or is_declared(entry.name)]
    # Python's first: among YAML files there are many that hold something else.
    return sorted(names, key=lambda name: (is_declared(name), name))


def _file_of_module(name: str) -> Path:
    if "" not in sys.path and str(Path.cwd()) not in sys.path:
        # As 'python -m' does.
        sys.path.insert(0, str(Path.cwd()))
        importlib.invalidate_caches()
    try:
        found = importlib.util.find_spec(name)
    except ModuleNotFoundError as error:
        if error.name is not None and not (name + ".").startswith(error.name + "."):
            raise import_problem(None, error, name) from error
        found = None
    except (Exception, SystemExit) as error:
        raise import_problem(None, error, name) from error
    if found is None:
        raise UsageError(
            f"there is no module '{name}'",
            help=f"give a file ({name.rpartition('.')[2]}.py), or the name of a module that can be imported from here",
        )
    if found.origin is None or not found.origin.endswith(".py"):
        raise UsageError(f"the module '{name}' has no Python file", help="give a module that defines a workflow")
    return Path(found.origin).absolute()


def _choose(module: ModuleType, name: str, place: str) -> Workflow[Any, Any]:
    found = {key: value for key, value in vars(module).items() if isinstance(value, Workflow)}
    if name:
        if name not in found:
            near = close_match(name, found)
            known = f" it has {_listed(found)}" if found and not near else ""
            raise UsageError(
                f"there is no workflow '{name}' in '{place}';{near or known}".rstrip(";"),
                help="name a function that is decorated with @workflow",
            )
        return found[name]
    # Those that it imports from elsewhere are parts of its own ones, or there for no other reason; so is one that is
    # mapped over values beside the one that is not.
    own = {key: value for key, value in found.items() if value.fn.__module__ == module.__name__} or found
    own = {key: value for key, value in own.items() if value.origin is value} or own
    distinct = {id(value): (key, value) for key, value in reversed(own.items())}
    if not distinct:
        raise UsageError(
            f"there is no workflow in '{place}'",
            help="decorate the function that calls the steps with @workflow (from hookline import workflow)",
        )
    if len(distinct) > 1:
        names = sorted(key for key, _ in distinct.values())
        raise UsageError(
            f"there are {len(names)} workflows in '{place}': {', '.join(names)}",
            help=f"say which: {place}:{names[0]}",
        )
    return next(value for _, value in distinct.values())


def _listed(names: dict[str, Any]) -> str:
    return ", ".join(f"'{name}'" for name in sorted(names))
