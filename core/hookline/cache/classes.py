"""The node of a class: its bases, metaclass, annotations and namespace, and what makers of classes leave there."""

from __future__ import annotations

import abc
import enum
import sys
from dataclasses import Field
from types import FunctionType
from typing import TYPE_CHECKING, Any

from hookline.cache.node import Edge, Node, Reads

if TYPE_CHECKING:
    from hookline.cache.walk import Walker

__all__ = ["class_node"]

#: Entries of a class's namespace that are layout, a cache, or follow from the others.
_DERIVED = frozenset(
    {"__dict__", "__weakref__", "__module__", "__qualname__", "__doc__", "__firstlineno__", "__static_attributes__",
     "__annotations__", "__annotate__", "__annotate_func__", "__annotations_cache__", "__conditional_annotations__",
     "_abc_impl", "__abstractmethods__", "__protocol_attrs__", "__non_callable_proto_members__", "__signature__",
     "__classdictcell__", "__dataclass_params__", "__dataclass_fields__", "__orig_bases__", "__class_vars__",
     "__pydantic_core_schema__", "__pydantic_validator__", "__pydantic_serializer__", "__pydantic_complete__",
     "__pydantic_parent_namespace__", "__pydantic_post_init__", "__pydantic_setattr_handlers__",
     "__pydantic_computed_fields__", "__pydantic_custom_init__", "__pydantic_fields_complete__",
     "__slots__", "__slotnames__", "__type_params__", "__classcell__", "__attrs_props__"}
)  # fmt: skip
_OF_MEMBERS = frozenset({"_value_", "_name_", "__objclass__", "_sort_order_"})
_FIELD = ("type", "default", "default_factory", "init", "repr", "hash", "compare", "metadata", "kw_only")


def class_node(walker: Walker, kind: type) -> Node:
    """Find the node of a class; one of somebody else's counts by name and version."""
    module, qualname = kind.__module__, kind.__qualname__
    compiled = walker.project.extension(module)
    if compiled:
        return walker.keep(kind, Node("class", f"{module}.{qualname}", f"compiled {qualname} {compiled}"))
    if not walker.is_project_class(kind):
        node = Node("class", f"{module}.{qualname}", f"class {module}.{qualname}")
        node.edges = walker.origin_edges(walker.project.of_module(module))
        node.reads = walker.reading(module, qualname)
        return walker.keep(kind, node)
    namespace = vars(sys.modules[module]) if module in sys.modules else {}
    name = walker.readable(module, qualname, namespace)
    file = str(namespace.get("__file__") or "")
    node = Node("class", name, file=walker.project.relative(file))

    def grow(node: Node) -> None:
        if file:
            node.line, node.source = walker.sources.statement(file, 0, qualname)
        node.content = f"class {kind.__name__} {_facts(kind)}"
        node.edges = sorted(_edges(walker, kind, name, namespace), key=lambda edge: edge.label)
        node.more = lambda reads: _more(walker, kind, reads)

    node.grow = grow
    return walker.keep(kind, node)


def _facts(kind: Any) -> str:
    """What makers of classes noted in plain words."""
    flags = [repr(kind.__dict__.get("__dataclass_params__")), repr(kind.__dict__.get("__slots__"))]
    flags.append(
        repr(sorted(getattr(kind, "__abstractmethods__", ()))) if "__abstractmethods__" in kind.__dict__ else ""
    )
    return " ".join(flags)


def _edges(walker: Walker, kind: type, name: str, namespace: dict[str, object]) -> list[Edge]:
    bases = [*kind.__bases__, *kind.__dict__.get("__orig_bases__", ())]
    edges = [
        Edge(f"base {at:03}", walker.names.annotation(base, f"base of {name}", namespace))
        for at, base in enumerate(bases)
        if base is not object
    ]
    if type(kind) is not type:
        edges.append(Edge("metaclass", walker.node(type(kind), f"metaclass of {name}")))
    edges += walker.names.annotations(kind, name)
    edges += _registered(walker, kind)
    if issubclass(kind, enum.Enum):
        return edges + _enum(walker, kind, name)
    for key, field in kind.__dict__.get("__dataclass_fields__", {}).items():
        edges += _field(walker, field, key, name, namespace)
    for key, value in kind.__dict__.items():
        if key in _DERIVED:
            continue
        node = walker.node(value, f"{name}.{key}").ready()
        foreign = not walker.is_project_class(type(value))
        if node.unstable and foreign and ((key.startswith("__") and key.endswith("__")) or key.startswith("_sa_")):
            continue  # a library's bookkeeping: it follows from the class and the library's version
        edges.append(Edge(f"member {key}", node))
    return edges


def _registered(walker: Walker, kind: type) -> list[Edge]:
    """Classes that an abstract class takes for its own decide what isinstance says."""
    if not isinstance(kind, abc.ABCMeta):
        return []
    dump: Any = vars(abc)["_get_dump"]
    found: list[type] = [child for reference in dump(kind)[0] if (child := reference()) is not None]
    found.sort(key=lambda child: (child.__module__, child.__qualname__))
    return [Edge(f"registered {at:04}", walker.node(child, child.__qualname__)) for at, child in enumerate(found)]


def _enum(walker: Walker, kind: type[enum.Enum], name: str) -> list[Edge]:
    edges: list[Edge] = []
    for at, (key, member) in enumerate(kind.__members__.items()):
        value = walker.node(member._value_, f"{name}.{key}")
        edges.append(Edge(f"enum member {at:05} {key} {member.name}", value))
        state = {k: v for k, v in member.__dict__.items() if k not in _OF_MEMBERS}
        edges += [Edge(f"enum state {at:05} {k}", walker.node(v, f"{name}.{key}.{k}")) for k, v in state.items()]
    for key, value in kind.__dict__.items():
        if key in kind.__members__ or key in _DERIVED or (_is_sunder(key) and not _is_code(value)):
            continue
        if isinstance(value, enum.property | property) and not getattr(value, "fget", None):
            continue
        edges.append(Edge(f"member {key}", walker.node(value, f"{name}.{key}")))
    return edges


def _is_sunder(key: str) -> bool:
    return key.startswith("_") and key.endswith("_")


def _is_code(value: object) -> bool:
    return isinstance(value, FunctionType | staticmethod | classmethod | property)


def _field(walker: Walker, field: Field[Any], key: str, name: str, namespace: dict[str, object]) -> list[Edge]:
    edges = []
    for part in _FIELD:
        value = getattr(field, part)
        label = f"field {key} {part}"
        if part == "type":
            node = walker.names.annotation(value, f"type of {name}.{key}", namespace)
        else:
            node = walker.node(value, f"{part} of {name}.{key}")
        edges.append(Edge(label, node))
    return edges


def _more(walker: Walker, kind: type, reads: Reads) -> tuple[str, list[Edge]]:
    content: list[object] = []
    edges: list[Edge] = []
    if reads & Reads.TEXTS:
        content.append(kind.__doc__)
    if reads & Reads.NAMES:
        content += [kind.__name__, kind.__qualname__]
    if reads & Reads.MODULES and kind.__module__ in sys.modules:
        content.append(walker.names.module_name(vars(sys.modules[kind.__module__])))
    if reads & Reads.SUBCLASSES:
        found: list[type] = sorted(type.__subclasses__(kind), key=lambda child: (child.__module__, child.__qualname__))
        edges = [Edge(f"subclass {at:04}", walker.node(child, child.__qualname__)) for at, child in enumerate(found)]
    return repr(content), edges
