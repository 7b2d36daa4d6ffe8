"""What the names in a piece of code stand for: globals, attributes of modules, imports, closures, annotations."""

from __future__ import annotations

import ast
import builtins
import functools
import importlib
import inspect
import re
import runpy
import sys
import types
import typing
from collections.abc import Callable, Mapping
from pathlib import PurePath
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any, Literal

from hookline.cache.node import Edge, Node, leaf
from hookline.cache.normal import Form
from hookline.cache.reach import Import, Reach, Use

if TYPE_CHECKING:
    from hookline.cache.walk import Walker

__all__ = ["ANYTHING", "UNFOLLOWED", "Names", "annotations_of"]

#: Functions of the standard library that can reach anything, so code that uses them can't be followed.
ANYTHING: Mapping[int, str] = {
    id(function): name
    for name, function in {
        "eval()": eval,
        "exec()": exec,
        "__import__() of a name that is not constant": builtins.__import__,
        "importlib.import_module() of a name that is not constant": importlib.import_module,
        "importlib.reload()": importlib.reload,
        "runpy.run_path()": runpy.run_path,
        "runpy.run_module()": runpy.run_module,
        "globals()": globals,
        "sys._getframe()": sys._getframe,
        "sys.modules": sys.modules,
    }.items()
}
#: The same, by name.
UNFOLLOWED = frozenset(
    {"importlib.metadata.entry_points", "importlib.metadata.EntryPoint.load", "importlib.util.module_from_spec",
     "importlib.util.spec_from_file_location", "importlib.util.find_spec", "pkgutil.resolve_name", "pydoc.locate",
     "inspect.currentframe", "inspect.stack", "gc.get_objects", "code.interact", "code.InteractiveInterpreter"}
)  # fmt: skip
#: Methods of libraries that read names out of texts.
_EVALUATES = frozenset({"query", "eval", "evaluate", "sql", "execute", "sqldf", "SQLContext"})
_NAME = re.compile(r"[^\W\d]\w*")
_PARAMETERS = frozenset({"TypeVar", "ParamSpec", "TypeVarTuple"})
_MISSING = object()
_ALWAYS = ("__class__",)
_HELD = frozenset({"value", "container", "object", "function", "class"})


class Names:
    """Looks names up as the running code would, and makes edges of what it finds."""

    def __init__(self, walker: Walker) -> None:
        self._walker = walker
        self._globals: dict[tuple[int, str], Node] = {}

    def edges(self, function: FunctionType, found: Reach, form: Form, node: Node) -> list[Edge]:
        """Edges to all that a function reads by name."""
        where = f"{node.file}:{node.line}"
        bases = self._imports(function, found.imports)
        cells = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=False))
        used: set[str] = set()
        edges: list[Edge] = []
        for use in found.uses:
            read = form.names is None or use.name in form.names or use.name in _ALWAYS or use.name.startswith(".")
            if not read:
                continue
            if use.scope == "local":
                used.add(use.name)
                edges += [self._edge(use, base, function, where) for base in bases.get(use.name, ())]
            elif use.scope == "closure":
                edges.append(self._closure(use, cells, function, where, node.name))
            elif use.name not in bases or use.name in function.__globals__:
                edges.append(self._global(use, function, where))
        edges += self._quoted(found, function, where)
        for name, values in bases.items():
            if name not in used:  # imported for what the import does
                whole = [Use("local", name)] * len(values)
                edges += [self._edge(use, value, function, where) for use, value in zip(whole, values, strict=True)]
        return _once(edges)

    def _quoted(self, found: Reach, function: FunctionType, where: str) -> list[Edge]:
        """Libraries that evaluate texts look names up in the caller's globals: ``frame.query("x > @LIMIT")``."""
        if _EVALUATES.isdisjoint(found.words):
            return []
        names = sorted({name for text in found.texts for name in _NAME.findall(text)})
        known = [name for name in names if name in function.__globals__]
        return [self._global(Use("global", name), function, where) for name in known]

    # --- globals ------------------------------------------------------------------------------------------------

    def of_global(self, namespace: dict[str, object], name: str) -> Node:
        """Find the node of a global variable of project code."""
        key = (id(namespace), name)
        found = self._globals.get(key)
        if found is None:
            found = self._globals[key] = self._make_global(namespace, name)
        return found

    def _make_global(self, namespace: dict[str, object], name: str) -> Node:
        module = self.module_name(namespace)
        if name == "__name__":
            return leaf("value", f"module name {module}", f"{module}.__name__")
        if name in ("__spec__", "__loader__"):
            return leaf("inert", name)
        value = namespace[name]
        node = self.generic(value, f"{module}.{name}", namespace) or self._walker.node(value, f"{module}.{name}")
        if node.kind in _HELD and (node.file or node.kind not in ("function", "class")):
            node.places += ((str(namespace.get("__name__", "")), name),)
        if node.name == f"{module}.{name}" and node.kind not in ("function", "class") and not node.file:
            file = str(namespace.get("__file__") or "")
            node.line, text = self._walker.sources.statement(file, 0, name) if file else (0, "")
            node.file = self._walker.project.relative(file)
            node.source = node.source or text.strip()
            if node.unstable:
                place = f"{node.file}:{node.line}" if node.line else module
                node.unstable = f"global '{name}' of {place} ({_a(namespace[name])}) has no digest"
        return node

    def module_name(self, namespace: Mapping[str, object]) -> str:
        """Name a module by its place under the root, so that a script is the same however it is started."""
        name = str(namespace.get("__name__", "?"))
        file = namespace.get("__file__")
        if name != "__main__" or not isinstance(file, str):
            return name
        path = PurePath(self._walker.project.relative(file))
        return path.stem if path.is_absolute() else ".".join(path.with_suffix("").parts)

    def _global(self, use: Use, function: FunctionType, where: str) -> Edge:
        namespace = function.__globals__
        if use.name in namespace:
            return self._edge(use, namespace[use.name], function, where, holder=namespace)
        found = _builtin(function, use.name)
        if found is _MISSING:
            return Edge(_label(use), leaf("missing", f"missing {use.name}", use.name))
        return self._edge(use, found, function, where)

    def _closure(
        self, use: Use, cells: dict[str, types.CellType], function: FunctionType, where: str, name: str
    ) -> Edge:
        cell = cells.get(use.name)
        if cell is None:
            return Edge(_label(use), leaf("value", "no cell", f"{name}.{use.name}"))
        try:
            value = cell.cell_contents
        except ValueError:
            return Edge(_label(use), leaf("value", "empty cell", f"{name}.{use.name}"))
        return self._edge(use, value, function, where, called_as=f"closure '{use.name}' of {name}")

    # --- chains of attributes -----------------------------------------------------------------------------------

    def _edge(
        self,
        use: Use,
        value: object,
        function: FunctionType,
        where: str,
        *,
        holder: dict[str, object] | None = None,
        called_as: str = "",
    ) -> Edge:
        """Follow the attributes read from a value as long as it is a module, and take what comes then."""
        label, name, at = _label(use), use.name, 0
        start = value
        while isinstance(value, ModuleType) and at < len(use.attributes):
            name = use.attributes[at]
            holder = vars(value)
            following = self._attribute(value, name)
            if following is _MISSING:
                return Edge(label, self._foreign(start, value, use.attributes))
            value, at = following, at + 1
        node = self._absent(value) if isinstance(value, _Absent) else self._special(value, use, function, where)
        if node is None and holder is not None and holder.get(name, _MISSING) is value and self._is_own(holder):
            node = self.of_global(holder, name)
        if node is None:
            node = self._walker.node(value, called_as or use.name)
            if node.unstable and called_as and node.name == called_as:
                node.unstable = f"{called_as} ({_a(value)}) has no digest"
        rest = len(use.attributes) - at
        how: Literal["called", "escapes"] = "called" if use.called or (rest and _is_function(value)) else "escapes"
        return Edge(label, node, how)

    def _is_own(self, namespace: Mapping[str, object]) -> bool:
        return self._walker.project.of_namespace(namespace).kind == "project"

    def _attribute(self, module: ModuleType, name: str) -> object:
        """Read an attribute of a module; missing where it belongs to somebody else and is not a module."""
        own = self._walker.project.of_module(module.__name__).kind == "project"
        value = vars(module).get(name, _MISSING)
        if own and value is _MISSING:
            try:
                return getattr(module, name)
            except Exception:  # noqa: BLE001 - a module's own __getattr__ raises what it likes
                return _MISSING
        if own or isinstance(value, ModuleType) or id(value) in ANYTHING:
            return value
        if isinstance(value, FunctionType) and self._walker.origin(value).kind == "project":
            return value  # project code put into somebody else's module
        return _MISSING

    def _foreign(self, start: object, module: ModuleType, attributes: tuple[str, ...]) -> Node:
        """What somebody else's module has counts by the name that the code says and by version."""
        origin = self._walker.project.of_module(module.__name__)
        name = f"{getattr(start, '__name__', '')}.{'.'.join(attributes)}"
        if name in UNFOLLOWED:
            return self._walker.unstable(name, f"{name}() can reach anything")
        node = leaf("missing" if origin.kind == "project" else "foreign", name)
        node.edges = self._walker.origin_edges(origin)
        node.reads = self._walker.reading(module.__name__, attributes[-1])
        return node

    def _is_followed(self, module: ModuleType) -> bool:
        return self._walker.project.of_module(module.__name__).kind in ("project", "standard")

    def _absent(self, absent: _Absent) -> Node:
        module = absent.name.partition(":")[0]
        if absent.error:
            return self._walker.unstable(module, f"module '{module}' can't be imported ({absent.error})")
        origin = self._walker.project.of_module(module)
        node = leaf("missing" if origin.kind == "project" else "foreign", f"module {absent.name}", module)
        node.edges = self._walker.origin_edges(origin)
        node.reads = self._walker.reading(module, absent.name.partition(":")[2])
        return node

    def _special(self, value: object, use: Use, function: FunctionType, where: str) -> Node | None:
        """Follow what reaches anything as far as its constant argument tells."""
        if value is builtins.globals:
            return self._walker.whole(function.__globals__, self.module_name(function.__globals__))
        what = ANYTHING.get(id(value))
        if what is None:
            return None
        if value is sys.modules and use.own:
            return self._walker.whole(function.__globals__, self.module_name(function.__globals__))
        by_name = value is importlib.import_module or value is builtins.__import__ or value is sys.modules
        if by_name and use.argument and not use.argument.startswith("."):
            first = use.argument if value is not builtins.__import__ else use.argument.partition(".")[0]
            loaded = self._load(use.argument)
            return (
                self._absent(loaded)
                if isinstance(loaded, _Absent)
                else self._walker.node(sys.modules.get(first), first)
            )
        return self._walker.unstable(what, f"{what} in {where} can reach anything")

    # --- imports ------------------------------------------------------------------------------------------------

    def _imports(self, function: FunctionType, imports: tuple[Import, ...]) -> dict[str, list[object]]:
        bases: dict[str, list[object]] = {}
        for item in imports:
            module = _absolute(item, function.__globals__)
            loaded = self._load(module)
            for variable, taken in item.binds:
                bases.setdefault(variable, []).append(self._taken(module, loaded, taken))
        return bases

    def _load(self, name: str) -> object:
        """Import a module as the code would, but somebody else's never: it counts by version, loaded or not."""
        if self._walker.project.of_module(name).kind not in ("project", "standard"):
            return _Absent(name)
        found = sys.modules.get(name)
        if found is not None:
            return found
        try:
            return importlib.import_module(name)
        except ImportError:
            return _Absent(name)
        except Exception as error:  # noqa: BLE001 - user code raises what it likes
            return _Absent(name, type(error).__name__)

    def _taken(self, module: str, loaded: object, taken: str) -> object:
        if isinstance(loaded, _Absent):
            return _Absent(f"{loaded.name}:{taken}", loaded.error)
        if taken == ".":
            top = sys.modules.get(module.partition(".")[0], loaded)
            return top if isinstance(top, ModuleType) and self._is_followed(top) else loaded
        if not taken:
            return loaded
        if isinstance(loaded, ModuleType):
            value = vars(loaded).get(taken, _MISSING)
            if value is _MISSING and self._walker.project.of_module(loaded.__name__).kind == "project":
                value = self._attribute(loaded, taken)
            if value is _MISSING:
                value = self._load(f"{module}.{taken}")
            return value
        return loaded

    # --- annotations --------------------------------------------------------------------------------------------

    def annotations(self, owner: FunctionType | type, name: str) -> list[Edge]:
        """Edges to what the annotations of a function or class say."""
        namespace = owner.__globals__ if isinstance(owner, FunctionType) else _namespace(owner)
        return [
            Edge(f"annotation {key}", self.annotation(value, f"annotation '{key}' of {name}", namespace), "escapes")
            for key, value in annotations_of(owner).items()
        ]

    def annotation(self, value: object, name: str, namespace: dict[str, object]) -> Node:
        """Find the node of an annotation; a text counts by itself and by what its names stand for."""
        if isinstance(value, typing.ForwardRef):
            value = value.__forward_arg__
        if not isinstance(value, str):
            return self.generic(value, name, namespace) or self._walker.node(value, name)
        return Node("annotation", name, f"annotation {value}", self._text_edges(value, namespace), source=value)

    def _text_edges(self, text: str, namespace: dict[str, object]) -> list[Edge]:
        try:
            tree = ast.parse(text, mode="eval")
        except (SyntaxError, ValueError):
            return []
        found: dict[str, Edge] = {}
        for part in ast.walk(tree):
            chain: list[str] = []
            while isinstance(part, ast.Attribute):
                chain.append(part.attr)
                part = part.value
            if isinstance(part, ast.Name) and part.id in namespace:
                use = Use("global", part.id, tuple(reversed(chain)))
                stand_in = types.FunctionType((lambda: None).__code__, namespace)
                edge = self._edge(use, namespace[part.id], stand_in, "", holder=namespace)
                found[edge.label] = edge
            elif isinstance(part, ast.Constant) and isinstance(part.value, str) and part.value != text:
                for edge in self._text_edges(part.value, namespace):
                    found[edge.label] = edge
        return [found[label] for label in sorted(found)]

    def generic(self, value: Any, name: str, namespace: dict[str, object] | None = None) -> Node | None:
        """Take a typing construct apart: what it is generic over counts, typing's own classes by their names."""
        kind = type(value)
        inner = namespace or {}
        lazy = kind.__name__ == "TypeAliasType"
        read: Callable[[], list[object]]
        parameter = kind.__module__ in ("typing", "typing_extensions") and kind.__name__ in _PARAMETERS
        known = self._walker.kept(value) if lazy or parameter else None
        if known is not None:
            return known
        if lazy or parameter or isinstance(value, typing.NewType):
            # whoever comes by first: texts in it are read where it was made
            inner = vars(sys.modules[value.__module__]) if value.__module__ in sys.modules else inner
            content, read = (
                f"generic {kind.__name__} {value.__name__}{_variance(value)}",
                functools.partial(_held, value),
            )
        elif isinstance(value, type) and typing.get_origin(value) in (None, value):
            return None  # typing.get_origin(Generic) is Generic itself
        elif typing.get_origin(value) is not None:
            arguments = typing.get_args(value)
            parts = [typing.get_origin(value), *_flat(arguments), *getattr(value, "__metadata__", ())]
            content, read = f"generic {kind.__name__} {_shape(arguments)}", lambda: parts
        elif kind.__module__ in ("typing", "typing_extensions"):
            return leaf("value", f"typing {value!r}", name)
        else:
            return None

        def grow(node: Node) -> None:  # later, for an alias or a bound may speak of itself
            node.edges = [
                Edge(f"{at:04}", self.annotation(part, name, inner), "escapes") for at, part in enumerate(read())
            ]

        node = Node("annotation", name, content, grow=grow)
        return self._walker.keep(value, node) if lazy or parameter else node


class _Absent:
    """A module that is not there, that fails to import, or that is not project code and was not imported yet."""

    def __init__(self, name: str, error: str = "") -> None:
        self.name = name
        self.error = error


def annotations_of(owner: Any) -> dict[str, object]:
    """Read annotations without failing on names that do not resolve."""
    if sys.version_info >= (3, 14):
        from annotationlib import Format, get_annotations

        return dict(get_annotations(owner, format=Format.FORWARDREF))
    return inspect.get_annotations(owner)


def _namespace(kind: type) -> dict[str, object]:
    module = sys.modules.get(kind.__module__)
    return vars(module) if module is not None else {}


def _held(value: Any) -> list[object]:
    """What a type variable, an alias or a new type is made with."""
    if isinstance(value, typing.NewType):
        return [value.__supertype__]
    if type(value).__name__ == "TypeAliasType":
        return [value.__value__]
    found = [getattr(value, "__bound__", None), *getattr(value, "__constraints__", ())]
    return [*found, value.__default__] if getattr(value, "has_default", bool)() else found


def _variance(value: object) -> str:
    marks = ("covariant", "contravariant", "infer_variance")
    return "".join(f" {mark}" for mark in marks if getattr(value, f"__{mark}__", False))


def _shape(arguments: tuple[object, ...]) -> str:
    """Tell ``[[int], [str, str]]`` from ``[[int, str], [str]]``; empty where no argument is a list."""
    lengths = [len(part) if isinstance(part, list | tuple) else -1 for part in arguments]
    return repr(lengths) if max(lengths, default=-1) >= 0 else ""


def _flat(parts: tuple[object, ...]) -> list[object]:
    return [item for part in parts for item in (part if isinstance(part, list | tuple) else (part,))]


def _builtin(function: FunctionType, name: str) -> object:
    held: object = getattr(function, "__builtins__", builtins)
    return held.get(name, _MISSING) if isinstance(held, dict) else getattr(builtins, name, _MISSING)


def _absolute(item: Import, namespace: Mapping[str, object]) -> str:
    if not item.level:
        return item.module
    package = namespace.get("__package__")
    if not isinstance(package, str):
        package = str(namespace.get("__name__", "")).rpartition(".")[0]
    base = package.rsplit(".", item.level - 1)[0] if item.level > 1 else package
    return f"{base}.{item.module}" if item.module else base


def _label(use: Use) -> str:
    return f"{use.scope} {'.'.join((use.name, *use.attributes))}"


def _once(edges: list[Edge]) -> list[Edge]:
    """Leave out repetitions; of two uses the one that escapes tells more."""
    found: dict[tuple[str, int], Edge] = {}
    for edge in edges:
        key = (edge.label, id(edge.node))
        if key not in found or edge.use == "escapes":
            found[key] = edge
    return list(found.values())


def _is_function(value: object) -> bool:
    return isinstance(value, FunctionType)


def _a(value: object) -> str:
    name = type(value).__name__
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"
