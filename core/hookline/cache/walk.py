"""From a running object to its node in the graph of reached things: functions, wrappers, instances, modules, data."""

from __future__ import annotations

import builtins
import copyreg
import enum
import functools
import sys
import types
import warnings
from collections.abc import Callable, Iterable, Mapping
from types import CodeType, FunctionType, ModuleType
from typing import Any

from hookline.cache.canon import digest_of
from hookline.cache.classes import class_node
from hookline.cache.names import ANYTHING, UNFOLLOWED, Names
from hookline.cache.node import Edge, Node, Reads, leaf
from hookline.cache.normal import Form, Sources
from hookline.cache.pieces import pieces
from hookline.cache.project import Origin, Project
from hookline.cache.reach import Reach, reach
from hookline.cache.values import Values
from hookline.model.masking import mask

__all__ = ["Walker"]

_BUILTIN_FUNCTIONS = (
    types.BuiltinFunctionType, types.MethodWrapperType, types.MethodDescriptorType, types.WrapperDescriptorType,
    types.ClassMethodDescriptorType, types.GetSetDescriptorType, types.MemberDescriptorType,
)  # fmt: skip
_TEXT_WORDS = frozenset(
    {"__doc__", "__annotations__", "__annotate__", "__type_params__", "__signature__", "__text_signature__",
     "getdoc", "signature", "get_type_hints", "get_annotations", "getfullargspec", "getargspec", "singledispatch",
     "singledispatchmethod", "pydoc", "doctest", "validate_call", "validate_arguments", "help",
     "model_json_schema", "json_schema", "schema_json", "TypeAdapter", "create_schema"}
)  # fmt: skip
_NAME_WORDS = frozenset({"__name__", "__qualname__", "co_name", "co_qualname"})
_MODULE_WORDS = frozenset({"__module__", "getmodule"})
_SOURCE_WORDS = frozenset(
    {"getsource", "getsourcelines", "getsourcefile", "findsource", "getcomments", "__code__", "_getframe",
     "currentframe", "f_lineno", "f_code", "tb_lineno", "co_firstlineno"}
)  # fmt: skip
_TRICKS = frozenset({"__globals__", "f_globals", "f_builtins", "__builtins__", "__loader__", "__spec__"})
#: Distributions that don't look into the functions they are handed, unless asked by a name in _TEXT_WORDS.
_KNOWN = frozenset(
    {"annotated-types", "attrs", "catboost", "cloudpickle", "dill", "httpx", "imbalanced-learn", "joblib",
     "lightgbm", "matplotlib", "narwhals", "networkx", "numpy", "optuna", "pandas", "pillow", "polars",
     "pyarrow", "pydantic", "pydantic-core", "pyyaml", "requests", "scikit-learn", "scipy", "seaborn",
     "skops", "statsmodels", "tensorflow", "threadpoolctl", "torch", "tqdm", "typing-extensions", "xgboost"}
)  # fmt: skip
#: By package and name: plans that name files and read them when they are used; as arguments they are refused.
_PLANS = frozenset({("polars", "LazyFrame")})


class Walker:
    """Makes nodes, once per object; it keeps the objects, so that their identity stays theirs."""

    def __init__(self, project: Project, digest: Callable[[object], bytes | None]) -> None:
        self.project = project
        self.sources = Sources()
        self.values = Values(project.root, digest)
        self.names = Names(self)
        self._nodes: dict[int, Node] = {}
        self._kept: list[object] = []
        self._reach: dict[CodeType, Reach] = {}
        self._forms: dict[CodeType, Form] = {}
        self._distributions: dict[str, Node] = {}
        self._sorting = 0

    # --- what a value is ----------------------------------------------------------------------------------------

    def node(self, value: object, name: str) -> Node:
        """Find the node of any object.

        Args:
            value: The object.
            name: What to call it if it has no name of its own.
        """
        found = self._nodes.get(id(value))
        if found is not None:
            return found
        try:
            content = self.values.content(value)
        except OSError as error:
            return self.unstable(name, f"{name} is the path of a file that can't be read ({error.strerror})")
        if content is not None:
            held = self.values.file(value)
            made = Node("value", name, content, source=f"{shown(value)}, content {held[:8]}" if held else shown(value))
            # only what can be changed has an identity; equal constants may or may not be one object
            return self.keep(value, made) if type(value) in (list, dict, set) else made
        try:
            return self._other(value, name)
        except Exception as error:  # noqa: BLE001 - reading an object can run its code, which raises what it likes
            return self.unstable(name, f"{name} can't be looked into ({type(error).__name__}: {error})")

    def kept(self, value: object) -> Node | None:
        """Recall the node of an object that was met before."""
        return self._nodes.get(id(value))

    def keep(self, value: object, node: Node) -> Node:
        """Remember the node of an object."""
        self._nodes[id(value)] = node
        self._kept.append(value)
        return node

    def _other(self, value: object, name: str) -> Node:
        inert = self.values.inert(value)
        if inert:
            return leaf("inert", f"inert {inert}", name)
        if id(value) in ANYTHING or value is builtins.__dict__:
            what = ANYTHING.get(id(value), "the table of builtins")
            return self.unstable(name, f"{what}, which can reach anything, is handed around as '{name}'")
        if isinstance(value, ModuleType):
            return self.module(value)
        if isinstance(value, FunctionType):
            return self.function(value)
        if isinstance(value, type):
            return class_node(self, value)
        if _is_task_maker(value):
            return self.node(value.fn, name)  # type: ignore[attr-defined]
        if isinstance(value, _BUILTIN_FUNCTIONS):
            return self._builtin(value, name)
        if type(value) in (set, frozenset):
            return self._set(value, name)
        if type(value) is dict and "__builtins__" in value and "__name__" in value:
            return self.whole(value, self.names.module_name(value))
        compiled = self.project.extension(str(getattr(value, "__module__", "")))
        if compiled:
            return self.composite(value, f"compiled {getattr(value, '__qualname__', '')} {compiled}", name,
                                  [("state", getattr(value, "__dict__", None))])  # fmt: skip
        apart = pieces(value)
        if apart is not None:
            kind, parts = apart
            return self.composite(value, kind, name, parts)
        return self._instance(value, name)

    def composite(self, value: object, kind: str, name: str, parts: Iterable[tuple[str, object]]) -> Node:
        """Make a node of labelled parts that are looked at later."""
        listed = list(parts)
        short = len(name) < _LONGEST_NAME

        def grow(node: Node) -> None:
            node.edges = [
                Edge(f"{at:06} {label}", self.node(part, f"{name}{_step(label)}" if short else name), "escapes")
                for at, (label, part) in enumerate(listed)
            ]

        node = Node("container" if kind in ("list", "tuple", "dict") else "object", name, kind, grow=grow)
        return node if isinstance(value, tuple) else self.keep(value, node)

    def _set(self, value: Any, name: str) -> Node:
        """Order members by what they are: a set's own order changes with the hash seed."""
        if self._sorting > _DEEP:
            return self.unstable(name, f"{name} (a set inside itself) has no digest")
        self._sorting += 1
        try:
            nodes = [self.node(member, f"{name} member") for member in value]
            keyed = sorted((digest_of(node), node.name, at) for at, node in enumerate(nodes))
        finally:
            self._sorting -= 1
        node = Node("container", name, type(value).__name__)
        node.edges = [Edge(f"{place:06}", nodes[at], "escapes") for place, (_, _, at) in enumerate(keyed)]
        return self.keep(value, node)

    def unstable(self, name: str, why: str) -> Node:
        """Make a node for what has no digest."""
        return Node("unstable", name, why, unstable=why)

    # --- functions ----------------------------------------------------------------------------------------------

    def function(self, function: FunctionType) -> Node:
        """Find the node of a Python function."""
        found = self._nodes.get(id(function))
        if found is not None:
            return found
        code = function.__code__
        origin = self.origin(function)
        module = str(function.__globals__.get("__name__", function.__module__))
        name = self.readable(module, code.co_qualname, function.__globals__)
        if origin.kind != "project":
            return self._foreign_function(function, origin, module)
        node = Node("function", name, line=code.co_firstlineno, file=self.project.relative(code.co_filename))
        node.grow = functools.partial(self._grow_function, function)
        return self.keep(function, node)

    def _grow_function(self, function: FunctionType, node: Node) -> None:
        code = function.__code__
        form = self.form(code)
        found = self.reached(code)
        plain = form.plain and form.names is not None and not function.__dict__
        node.content = f"function {form.content} {code.co_flags & 0x20}"
        node.source = form.source
        words = form.words if form.words is not None else found.words
        node.reads = _reads(words)
        tricks = sorted(_TRICKS & words)
        if tricks:
            node.unstable = f"{node.name} ({node.file}:{node.line}) uses {tricks[0]}, which can reach anything"
        edges = self.own_edges(function, node.name)
        edges += self.names.edges(function, found, form, node)
        if not plain:
            edges += self.names.annotations(function, node.name)
        node.edges = sorted(edges, key=_label)
        node.more = functools.partial(self._more, function, form, plain)

    def _more(self, function: FunctionType, form: Form, plain: bool, reads: Reads) -> tuple[str, list[Edge]]:
        content: list[object] = []
        edges: list[Edge] = []
        if reads & Reads.TEXTS:
            content += [function.__doc__, form.whole]
            edges = self.names.annotations(function, function.__qualname__) if plain else []
        if reads & Reads.NAMES:
            content += [function.__name__, function.__qualname__]
        if reads & Reads.MODULES:
            content.append(self.names.module_name(function.__globals__))
        if reads & Reads.SOURCE:
            content += [form.source, function.__code__.co_firstlineno, function.__code__.co_code.hex()]
        return repr(content), edges

    def own_edges(self, function: FunctionType, name: str) -> list[Edge]:
        """Defaults and attributes of a function object."""
        edges = [
            Edge(f"default {at:04}", self.node(value, f"default {at + 1} of {name}"), "escapes")
            for at, value in enumerate(function.__defaults__ or ())
        ]
        for key, value in (function.__kwdefaults__ or {}).items():
            edges.append(Edge(f"keyword {key}", self.node(value, f"default '{key}' of {name}"), "escapes"))
        for key, value in function.__dict__.items():
            edges.append(Edge(f"attribute {key}", self.node(value, f"{name}.{key}"), "escapes"))
        return edges

    def _foreign_function(self, function: FunctionType, origin: Origin, module: str) -> Node:
        """A function of somebody else counts by name; one made on the spot also by what it was made with."""
        qualname = function.__code__.co_qualname
        named = self._is_named(function)
        if named:
            module, qualname = function.__module__, function.__qualname__
        full = f"{module}.{qualname}"
        if full in UNFOLLOWED:
            return self.unstable(full, f"{full}() can reach anything")
        node = Node("function", full, f"{origin.kind} {full}")
        node.edges = self.origin_edges(origin)
        node.reads = self.reading(module, qualname)
        if not named:

            def grow(node: Node) -> None:
                if function.__code__.co_qualname == "singledispatch.<locals>.wrapper":
                    # its closure also holds a cache of look-ups
                    node.edges = [Edge("registry", self.node(function.registry, node.name), "escapes")]  # type: ignore[attr-defined]
                    return
                edges = node.edges + self.own_edges(function, node.name)
                for variable, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=False):
                    edges.append(Edge(f"closure {variable}", self.cell(cell, f"{node.name}.{variable}"), "escapes"))
                node.edges = sorted(edges, key=_label)

            node.grow = grow
        return self.keep(function, node)

    def cell(self, cell: types.CellType, name: str) -> Node:
        """Find the node of what a closure variable holds."""
        try:
            return self.node(cell.cell_contents, name)
        except ValueError:
            return leaf("value", "empty cell", name)

    def form(self, code: CodeType) -> Form:
        """Normal form of a code object, remembered."""
        found = self._forms.get(code)
        if found is None:
            found = self._forms[code] = self.sources.form(code)
        return found

    def reached(self, code: CodeType) -> Reach:
        """What a code object reads by name, remembered."""
        found = self._reach.get(code)
        if found is None:
            found = self._reach[code] = reach(code)
        return found

    def _builtin(self, value: Any, name: str) -> Node:
        owner = getattr(value, "__self__", None)
        if owner is None or isinstance(owner, ModuleType):
            holder = getattr(value, "__objclass__", None)
            module = getattr(value, "__module__", None) or getattr(holder, "__module__", "") or ""
            full = f"{module}.{getattr(value, '__qualname__', name)}"
            node = leaf("function", f"builtin {full}", full)
            node.edges = self.origin_edges(self.project.of_module(module)) if module else []
            return node
        return self.composite(value, f"bound {value.__name__}", name, [("self", owner)])

    # --- instances ----------------------------------------------------------------------------------------------

    def _instance(self, value: object, name: str) -> Node:
        kind = type(value)
        generic = self.names.generic(value, name)
        if generic is not None:
            return generic
        if isinstance(value, enum.Enum):
            return self.composite(value, f"member {value.name}", name, [("class", kind), ("value", value._value_)])
        if self.is_project_class(kind):
            return self._own_instance(value, name)
        if callable(value) and self._is_named(value):
            node = leaf("object", f"named {value.__module__}.{value.__qualname__}", name)  # type: ignore[attr-defined]
            node.edges = self.origin_edges(self.project.of_module(str(value.__module__)))
            return self.keep(value, node)
        return self._compiled(value, name) if is_compiled_function(kind) else self._foreign_instance(value, name)

    def _compiled(self, value: Any, name: str) -> Node:
        """A function that Cython compiled and no module has under its name; its closure can't be looked into."""
        module, qualname = value.__module__, value.__qualname__
        if not isinstance(module, str) or "<locals>" in qualname or "<lambda>" in qualname:
            return self.unstable(name, f"{name} (a compiled function made on the spot) has no digest")
        parts = [("self", getattr(value, "__self__", None)), ("defaults", value.__defaults__),
                 ("keyword defaults", value.__kwdefaults__)]  # fmt: skip
        node = self.composite(value, f"compiled {module}.{qualname}", name, parts)
        grow = node.grow

        def grow_with_version(node: Node) -> None:
            if grow is not None:
                grow(node)
            node.edges = [*self.origin_edges(self.project.of_module(module)), *node.edges]

        node.grow = grow_with_version
        return node

    def _own_instance(self, value: object, name: str) -> Node:
        """An instance of a project class counts by class and state."""
        kind = type(value)
        state: list[tuple[str, object]] = [("class", kind)]
        state += sorted(getattr(value, "__dict__", {}).items(), key=lambda item: repr(item[0]))
        for base in kind.__mro__:
            slots = base.__dict__.get("__slots__", ())
            for slot in (slots,) if isinstance(slots, str) else tuple(slots):
                mangled = f"_{base.__name__.lstrip('_')}{slot}" if slot.startswith("__") and slot[-2:] != "__" else slot
                if slot not in ("__dict__", "__weakref__") and hasattr(value, mangled):
                    state.append((mangled, getattr(value, mangled)))
        if any(not base.__flags__ & _HEAP and base is not object for base in kind.__mro__):
            reduced = self._reduced(value)
            if isinstance(reduced, str):
                return self.keep(value, self.unstable(name, f"{name} ({_a(kind)}) has no digest"))
            state += reduced
        return self.composite(value, "instance", name, state)

    def _foreign_instance(self, value: object, name: str) -> Node:
        kind = type(value)
        plan = (kind.__module__.partition(".")[0], kind.__name__) in _PLANS
        reduced = "" if plan else self._reduced(value)
        if isinstance(reduced, str):
            if reduced:
                return self.composite(value, f"named {reduced}", name, [("class", kind)])
            return self.keep(value, self.unstable(name, f"{name} ({_a(kind)}) has no digest"))
        wrapped = [("wrapped", value.__wrapped__)] if "__wrapped__" in getattr(value, "__dict__", ()) else []  # type: ignore[attr-defined]
        return self.composite(value, "instance", name, [("class", kind), *reduced, *wrapped])

    def _reduced(self, value: Any) -> list[tuple[str, object]] | str:
        """Take an instance apart as pickle would; a name, or an empty text where that is refused."""
        kind = type(value)
        try:
            special = copyreg.dispatch_table.get(kind)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                parts = special(value) if special else value.__reduce_ex__(4)
            if isinstance(parts, str):
                return parts
            labels = ("made by", "arguments", "state", "items", "entries", "setter")
            return [
                (label, list(part) if label in ("items", "entries") else part)
                for label, part in zip(labels, parts, strict=False)
                if part is not None
            ]
        except Exception:  # noqa: BLE001 - whatever an object's own reduce raises, it has no digest
            return ""

    @staticmethod
    def reading(module: str, name: str) -> Reads:
        """What a function of somebody else reads about code."""
        if module in ("inspect", "pydoc", "doctest"):
            return Reads.TEXTS | Reads.NAMES | Reads.MODULES | Reads.SOURCE
        return Reads.TEXTS if name in ("get_type_hints", "singledispatch", "get_annotations") else Reads.NOTHING

    # --- modules and origins ------------------------------------------------------------------------------------

    def module(self, module: ModuleType) -> Node:
        """A module that is handed around: all of it counts."""
        found = self._nodes.get(id(module))
        if found is not None:
            return found
        name = module.__name__
        origin = self.project.of_module(name)
        if origin.kind == "project":
            return self.keep(module, self.whole(vars(module), name))
        if name in ("builtins", "importlib", "sys", "runpy"):
            return self.unstable(name, f"module '{name}', which can reach anything, is handed around as a value")
        node = leaf("module", f"module {name}" if origin.kind != "distribution" else f"{origin.name} {name}", name)
        node.edges = self.origin_edges(origin)
        node.reads = self.reading(name, "")
        return self.keep(module, node)

    def whole(self, namespace: dict[str, object], name: str) -> Node:
        """All globals of a project module."""
        found = self._nodes.get(id(namespace))
        if found is not None:
            return found

        def grow(node: Node) -> None:
            node.edges = [
                Edge(f"global {key}", self.names.of_global(namespace, key), "escapes")
                for key in sorted(namespace)
                if not (key.startswith("__") and key.endswith("__")) and not self._is_foreign_module(namespace[key])
            ]

        return self.keep(namespace, Node("module", name, "whole module", grow=grow))

    def _is_foreign_module(self, value: object) -> bool:
        """Other code's modules in a namespace: which of them is there counts with the code that reads them."""
        return isinstance(value, ModuleType) and self.project.of_module(value.__name__).kind == "standard"

    def origin(self, function: FunctionType) -> Origin:
        """Where a function's code comes from."""
        file = function.__code__.co_filename
        if file.startswith("<") and not file.startswith("<frozen"):
            # made on the spot: what it is made of counts, unless it is the module's own
            return self.project.of_module(function.__module__ if self._is_named(function) else "__main__")
        return self.project.of_file(file)

    def is_project_class(self, kind: type) -> bool:
        """Tell whether a class counts by what it is made of: project code, or made by it under another's name."""
        module = kind.__module__
        if is_compiled_function(kind):
            return False
        if self.project.of_module(module).kind == "project":
            return True
        return _lookup(module, kind.__qualname__) is not kind and bool(kind.__flags__ & _HEAP)

    def _is_named(self, value: Any) -> bool:
        """Tell whether somebody else's module has an object under the object's own name."""
        module, qualname = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
        if not isinstance(module, str) or not isinstance(qualname, str) or _lookup(module, qualname) is not value:
            return False
        return self.project.of_module(module).kind != "project"

    def origin_edges(self, origin: Origin) -> list[Edge]:
        """The edge to the distribution that some code comes from."""
        if origin.kind != "distribution":
            return []
        node = self._distributions.get(origin.name)
        if node is None:
            node = leaf("distribution", f"{origin.name} {origin.version}")
            node.opaque = origin.name.lower().replace("_", "-") not in _KNOWN
            self._distributions[origin.name] = node
        return [Edge("distribution", node)]

    def readable(self, module: str, qualname: str, namespace: Mapping[str, object]) -> str:
        """Name a thing of a module as a reader would."""
        if module == "__main__":
            module = self.names.module_name(namespace)
        return f"{module}.{qualname}".replace(".<locals>", "")


_HEAP = 1 << 9
_DEEP = 20
_LONGEST_NAME = 120


def _label(edge: Edge) -> str:
    return edge.label


def _step(label: str) -> str:
    return f"[{label}]" if label[:1] in "'\"0123456789" else f".{label}" if label.isidentifier() else ""


def _a(kind: type) -> str:
    return f"{'an' if kind.__name__[:1].lower() in 'aeiou' else 'a'} {kind.__name__}"


def shown(value: object) -> str:
    """Show a plain value in a why."""
    if type(value) is int and value.bit_length() > 1000:
        return "a large int"
    text = f"{{{', '.join(sorted(map(repr, value)))}}}" if isinstance(value, set | frozenset) else repr(value)
    text = mask(text)
    return text if len(text) <= 200 else f"{text[:197]}..."


def is_compiled_function(kind: type) -> bool:
    """Tell Cython's types of functions, which all modules that it compiled share, whoever's they are."""
    module: object = kind.__module__  # a metaclass of Cython has a descriptor there
    return isinstance(module, str) and module.startswith("_cython_") and "function" in kind.__name__


def _is_task_maker(value: object) -> bool:
    """A step or workflow of hookline: what it calls counts, not its options."""
    return type(value).__module__.startswith("hookline.") and callable(getattr(value, "fn", None))


def _reads(words: frozenset[str]) -> Reads:
    found = Reads.NOTHING
    if not _TEXT_WORDS.isdisjoint(words):
        found |= Reads.TEXTS
    if not _NAME_WORDS.isdisjoint(words):
        found |= Reads.NAMES
    if not _MODULE_WORDS.isdisjoint(words):
        found |= Reads.MODULES
    if not _SOURCE_WORDS.isdisjoint(words):
        found |= Reads.TEXTS | Reads.NAMES | Reads.MODULES | Reads.SOURCE
    return found | Reads.SUBCLASSES if "__subclasses__" in words else found


def _lookup(module: str, qualname: str) -> object:
    found: object = sys.modules.get(module)
    for step in qualname.split("."):
        if found is None:
            return None
        found = vars(found).get(step) if isinstance(found, ModuleType | type) else getattr(found, step, None)
        if isinstance(found, staticmethod | classmethod):
            found = found.__func__
    return found
