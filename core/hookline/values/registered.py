"""What plugins register for types of values: how a value becomes bytes, and which bytes tell whether two are equal.

Types are named as text, ``"shapely.geometry.point:Point"``, so that registering and looking at a value import nothing.
Subclasses, which may hold more, are not meant. A plugin that is missing is named when one of its values is met.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from pickle import PickleBuffer
from typing import Any, Generic, Protocol, TypeVar

from hookline.errors import HooklineError, PluginError
from hookline.model.bringing import bring
from hookline.model.registry import Needed, Registry
from hookline.values.digest import digest_bytes
from hookline.values.forms import UnstorableError
from hookline.values.policy import PICKLES, check_format

__all__ = [
    "DIGESTS",
    "SERIALIZERS",
    "Dumped",
    "Identity",
    "TypeRegistry",
    "ValueDigest",
    "ValueSerializer",
    "is_registered",
    "keeping",
    "kept_record",
    "load_part",
    "registered_form",
]

Buffer = bytes | bytearray | memoryview

Dumped = Buffer | Sequence[Buffer]
"""One piece of bytes, or several: large memory can be given as a view, and is not copied."""

Identity = tuple[str, int, bytes]
"""Name and version of the digest that tells what a value is, and the digest of what it gave."""

_APART = 4096
"""From this size on, a piece lies beside the stream, where a mapped file can serve it."""

# Of types that no value can be asked about, or whose canonical encoding is hookline's own.
_TAKEN = frozenset(
    {"builtins", "datetime", "decimal", "uuid", "pathlib", "zoneinfo", "enum", "collections", "hookline"}
)

_T = TypeVar("_T")
_local = threading.local()


class ValueSerializer(Protocol):
    """Stores values of some types. One object, made without arguments, serves a process, from several threads.

    Attributes:
        version: The version of what :meth:`dump` writes; raised whenever equal values would give other bytes.
        safe: Whether :meth:`load` runs no code that the bytes choose, so that bytes of a stranger may be loaded.
    """

    version: int
    safe: bool

    def dump(self, value: Any) -> Dumped:
        """Turn a value into bytes; equal values into equal bytes wherever possible, so that results are reused.

        Args:
            value: A value of a registered type.
        """
        ...

    def load(self, parts: Sequence[memoryview], version: int) -> Any:
        """Give the value back.

        Args:
            parts: What ``dump`` gave, piece by piece; not to be changed in place where it is read-only.
            version: The version that wrote it: this one or an older one.
        """
        ...


class ValueDigest(Protocol):
    """Tells which values of some types are equal, where their bytes can't: an order that is none, a memo, a time stamp.

    Equal means: no step may see a difference. Of several values with equal digests, one stands for all.

    Attributes:
        version: Raised whenever equal values would give other bytes.
    """

    version: int

    def canonical(self, value: Any) -> bytes:
        """Give bytes that equal values share, in every process, and different values don't.

        Args:
            value: A value of a registered type.
        """
        ...


class TypeRegistry(Registry[_T], Generic[_T]):
    """A registry whose parts are found by the types that they are for.

    Args:
        kind: What the parts are, for messages.

    Attributes:
        by_type: Names by (module, qualified name of a class).
    """

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.by_type: dict[tuple[str, str], str] = {}

    def register(
        self,
        name: str,
        target: Any,
        *,
        source: str,
        summary: str = "",
        needs: Needed | None = None,
        types: Iterable[str] = (),
    ) -> None:
        """Give a part a name, and say which types it is for.

        Args:
            name: Its name, which is stored with each value: ``"<plugin>.<name>"`` tells what to install.
            target: ``"module:attribute"``, imported on first use, or the factory itself.
            source: Who registers it, with the version where there is one.
            summary: What it is, in one line.
            needs: What it can't do without, and need not be installed.
            types: Their classes, as ``"module:Class"`` with the module that the class says it is of.

        Raises:
            PluginError: The name or one of the types is taken, or is no name of a type.
        """
        if name in PICKLES:
            raise PluginError(
                f"the {self.kind} '{name}' of {source} has the name of a format of hookline's own",
                help="name it '<plugin>.<name>'",
            )
        named = tuple(self._type(name, text, source) for text in types)
        if not named:
            raise PluginError(
                f"the {self.kind} '{name}' of {source} names no types",
                help='register it with types=["module:Class", …]',
            )
        for kind in named:
            other = self.by_type.get(kind)
            if other not in (None, name):
                raise PluginError(
                    f"the type '{':'.join(kind)}' has two {self.kind}s: '{other}' of {self.entry(str(other)).source} "
                    f"and '{name}' of {source}",
                    help="leave one of the two plugins out",
                )
        super().register(name, target, source=source, summary=summary, needs=needs)
        self.by_type.update(dict.fromkeys(named, name))

    def forget(self, name: str) -> None:
        """Take a part out again, with its types."""
        super().forget(name)
        self.by_type = {kind: other for kind, other in self.by_type.items() if other != name}

    def _type(self, name: str, text: str, source: str) -> tuple[str, str]:
        module, _, qualname = text.partition(":")
        if not module or not qualname:
            raise PluginError(
                f"the {self.kind} '{name}' of {source} is for '{text}', which is no name of a type",
                help="write 'module:Class'",
            )
        if module.partition(".")[0] in _TAKEN:
            raise PluginError(
                f"the {self.kind} '{name}' of {source} is for '{text}', which hookline stores itself",
                help="register types of your own, or of a library",
            )
        return module, qualname


SERIALIZERS: TypeRegistry[ValueSerializer] = TypeRegistry("serializer")
"""The serializers of this process."""

DIGESTS: TypeRegistry[ValueDigest] = TypeRegistry("digest")
"""The digests of this process."""


@contextlib.contextmanager
def keeping(keep: Callable[[Any, Identity], None] | None) -> Iterator[None]:
    """Let values that have a digest of their own lie apart while something is encoded in this thread.

    Args:
        keep: Takes such a value, and what stands for it; may get the same one twice. None stores them where they are.
    """
    before = getattr(_local, "keep", None)
    _local.keep = keep
    try:
        yield
    finally:
        _local.keep = before


def is_registered(kind: type) -> bool:
    """Tell whether a plugin's serializer or digest is for a type."""
    name = (kind.__module__, kind.__qualname__)
    return name in SERIALIZERS.by_type or name in DIGESTS.by_type


def registered_form(value: object) -> tuple[Callable[..., Any], tuple[Any, ...]] | None:
    """Give what stands in a stream for a value whose type a plugin registered.

    Args:
        value: Any value.

    Returns:
        A function of :mod:`hookline.values.forms.registered`, and its arguments; None for all other values.

    Raises:
        UnstorableError: The plugin can't do it.
        PluginError: It can't be imported.
    """
    kind = type(value)
    if not SERIALIZERS.by_type and not DIGESTS.by_type:
        return None
    named = (kind.__module__, kind.__qualname__)
    keep = getattr(_local, "keep", None)
    name = DIGESTS.by_type.get(named)
    if name is not None and keep is not None:
        return _identified(name, value, keep)
    name = SERIALIZERS.by_type.get(named)
    return None if name is None else _dumped(name, value)


def kept_record(identity: Identity) -> bytes:
    """Give the bytes under which a value that lies apart is found: what its stored form is a child of."""
    name, version, digest = identity
    return b"\0".join((b"kept", name.encode(), str(version).encode(), digest))


def load_part(name: str, version: int, parts: Sequence[Any]) -> Any:
    """Load a value that a registered serializer dumped.

    Args:
        name: The serializer's name.
        version: The version that wrote it.
        parts: The pieces.

    Raises:
        PluginError: The serializer is not here, or older than the bytes.
        HooklineError: The load policy forbids it, or the bytes can't be loaded.
    """
    if name not in SERIALIZERS:
        bring()
    if name not in SERIALIZERS:
        plugin = name.partition(".")[0]
        raise PluginError(
            f"a stored value needs the serializer '{name}' (version {version}), which no plugin brings here",
            help=f"install or enable the plugin '{plugin}', here and for the run's workers",
        )
    serializer = SERIALIZERS.load(name)
    check_format(name, safe=serializer.safe)
    if version > serializer.version:
        raise PluginError(
            f"a stored value was written by version {version} of the serializer '{name}'; here is version "
            f"{serializer.version}, of {SERIALIZERS.entry(name).source}",
            help="install a newer version of the plugin",
        )
    try:
        return serializer.load([memoryview(part) for part in parts], version)
    except HooklineError:
        raise
    except Exception as error:
        raise HooklineError(
            f"the serializer '{name}' can't load a value that its version {version} stored: "
            f"{type(error).__name__}: {error}",
            help=f"report it to who maintains {SERIALIZERS.entry(name).source}; --fresh makes the value anew",
        ) from error


def _identified(name: str, value: object, keep: Callable[[Any, Identity], None]) -> tuple[Callable[..., Any], Any]:
    from hookline.values.forms.registered import open_kept

    digest = DIGESTS.load(name)
    try:
        identity = digest_bytes(digest.canonical(value))
    except Exception as error:
        raise _refused("digest", name, value, error) from error
    keep(value, (name, digest.version, identity))
    return open_kept, (name, digest.version, identity)


def _dumped(name: str, value: object) -> tuple[Callable[..., Any], Any]:
    from hookline.values.forms.registered import load_value

    serializer = SERIALIZERS.load(name)
    try:
        check_format(name, safe=serializer.safe)
        dumped = serializer.dump(value)
        whole = isinstance(dumped, (bytes, bytearray, memoryview))
        parts = [_part(part) for part in ([dumped] if whole else dumped)]
    except HooklineError:
        raise
    except Exception as error:
        raise _refused("serializer", name, value, error) from error
    return load_value, (name, serializer.version, *parts)


def _part(data: Any) -> bytes | PickleBuffer:
    view = memoryview(data).cast("B")
    # The stream tells whether memory is read-only, which is no part of a value: what lies apart always is.
    return bytes(view) if len(view) < _APART else PickleBuffer(view.toreadonly())


def _refused(kind: str, name: str, value: object, error: Exception) -> UnstorableError:
    made = type(value)
    source = (SERIALIZERS if kind == "serializer" else DIGESTS).entry(name).source
    return UnstorableError(
        f"the {kind} '{name}' of {source} can't take a value of type '{made.__module__}.{made.__qualname__}': "
        f"{type(error).__name__}: {error}",
        help="return another value, or leave the plugin out",
    )
