"""From a value to its stored form and back: the one way in and the one way out."""

from __future__ import annotations

import io
import os
import pickle
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hookline.errors import HooklineError
from hookline.values import container, homes, plain, policy
from hookline.values.container import Buffer
from hookline.values.digest import DIGEST_SIZE, digest_bytes, digest_chunks, digest_tree
from hookline.values.files import digest_path, swap_paths
from hookline.values.plain_reader import read_plain
from hookline.values.registered import DIGESTS, Identity, keeping
from hookline.values.serializers import STREAMS, Keep, UnstorableError, never

__all__ = ["CodeDigest", "Encoded", "decode", "encode", "encode_constant", "holds_file", "paths_inside"]

CodeDigest = Callable[[frozenset[object]], bytes]
"""Digests the project code among classes and functions that a value refers to; empty bytes where there is none."""

KeepValue = Callable[[Any, Identity], None]
"""Takes a value that lies apart, and what it is."""

_IMMEDIATE = frozenset({int, float, bool, type(None)})
_PICKLES = ("pickle", "cloudpickle")  # whose streams name classes as pickle's do


@dataclass(frozen=True, slots=True)
class Encoded:
    """A value's stored form.

    Attributes:
        digest: The digest of the pieces, joined.
        chunks: The bytes, in pieces; large memory of the value itself is among them, not copied.
        size: How many bytes these are.
    """

    digest: bytes
    chunks: list[Buffer]
    size: int

    def data(self) -> bytes:
        """Join the pieces."""
        return bytes(self.chunks[0]) if len(self.chunks) == 1 else b"".join(self.chunks)


def encode(
    value: object,
    *,
    code_digest: CodeDigest | None = None,
    keep_file: Callable[[Path], object] | None = None,
    keep_inside: Keep = never,
    keep_value: KeepValue | None = None,
) -> Encoded:
    """Give a value's stored form.

    Args:
        value: Any value.
        code_digest: Digests the classes and functions that the value refers to, so that a value of a class whose code
            changed is another value. None leaves code out.
        keep_file: Stores the file that a path inside the value points to and gives its stand-in. None refuses paths.
        keep_inside: The same for paths inside objects, which may also stay as they are: None.
        keep_value: Stores a value whose type has a digest of its own apart, under what that says it is; may get the
            same one twice. None leaves such values where they are.

    Returns:
        Digest and bytes.

    Raises:
        UnstorableError: No serializer can store the value.
    """
    if type(value) in _IMMEDIATE:
        stream = pickle.dumps(value, 5)
        return Encoded(digest_bytes(stream), [stream], len(stream))
    if DIGESTS.by_type:
        with keeping(keep_value):
            return _encode(value, code_digest, keep_file, keep_inside)
    return _encode(value, code_digest, keep_file, keep_inside)


def _encode(
    value: object,
    code_digest: CodeDigest | None,
    keep_file: Callable[[Path], object] | None,
    keep_inside: Keep,
) -> Encoded:
    buffers: plain.Buffers = []
    code: set[Any] = set()
    serializer = "pickle"
    try:
        stream = plain.encode_plain(value, buffers, code)
    except (plain.NotPlain, RecursionError) as reason:
        # Only now are paths looked for: most values hold none, and are encoded at C speed.
        swapped = value if keep_file is None else swap_paths(value, keep_file)
        buffers.clear()
        code.clear()
        if swapped is not value and isinstance(reason, plain.PathFound):
            return _encode(swapped, code_digest, None, keep_inside)
        serializer, stream = _serialize(swapped, buffers, code, keep_inside)
    digest = code_digest(frozenset(code)) if code_digest is not None and code else b""
    return _laid_out(serializer, digest, stream, buffers)


def encode_constant(value: object, *, code_digest: CodeDigest | None = None) -> tuple[bytes, bytes]:
    """Give what names a constant argument, and the bytes that carry it to workers.

    The two differ where the value holds paths: the digest counts a file's content and name, the bytes hold its path.
    They differ, too, where it holds values that have a digest of their own.

    Args:
        value: The argument.
        code_digest: As for :func:`encode`.

    Returns:
        Digest and stored bytes.

    Raises:
        UnstorableError: The value can't be stored, so it can't travel or be compared.
        UsageError: A path names something unreadable.
    """
    met: set[object] = set()
    named: list[Path] = []
    identified: list[Identity] = []

    def name(path: Path) -> object:
        named.append(path)
        return digest_path(path)

    def digest_noting(code: frozenset[object]) -> bytes:
        met.update(code)
        return b"" if code_digest is None else code_digest(code)

    def identify(_: object, identity: Identity) -> None:
        identified.append(identity)

    encoded = encode(value, code_digest=digest_noting, keep_file=name, keep_value=identify)
    if any(isinstance(item, type) and issubclass(item, Path) for item in met):
        # Inside objects paths stay as they are; what they point to counts nevertheless.
        encoded = replace(encoded, digest=_with_files(encoded.digest, swap_paths(value, digest_path)))
    if not named:
        return encoded.digest, (encode(value) if identified else encoded).data()
    buffers: plain.Buffers = []
    serializer, stream = _serialize(value, buffers, set())
    return encoded.digest, _laid_out(serializer, b"", stream, buffers).data()


def holds_file(value: object) -> bool:
    """Tell whether a value holds a path at any depth, also inside objects that pickle can look into."""
    if type(value) in _IMMEDIATE:
        return False
    try:
        return bool(paths_inside(value))
    except Exception:  # noqa: BLE001 - a value's own pickling code may raise anything
        return False


def paths_inside(value: object) -> list[Path]:
    """List the paths at any depth of a value, also those inside objects.

    Raises:
        Exception: Whatever tells that pickle can't look into it.
    """
    finder = _PathFinder(io.BytesIO(), 5, buffer_callback=lambda _: None)
    finder.paths = []
    finder.dump(value)
    return finder.paths


class _PathFinder(pickle.Pickler):
    paths: list[Path]

    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, Path):
            self.paths.append(obj)
        return NotImplemented


def decode(data: Buffer) -> object:
    """Rebuild a value from its stored bytes.

    Args:
        data: The stored form; arrays lie on this memory where it is writable.

    Returns:
        A new value.

    Raises:
        ValueError: The bytes are no stored form.
        HooklineError: The serializer is not known here, or a module is missing that the value needs.
            The load policy in force may forbid the value, too.
    """
    try:
        if data[0] != 0x80:
            return _decode_container(data)
        return pickle.loads(data) if policy.pickles else read_plain(data)
    except ModuleNotFoundError as error:
        raise HooklineError(
            f"a stored value needs the module '{error.name}', which is not installed here",
            help="install it in the environment of this command, and of the run's workers",
        ) from error


def _decode_container(data: Buffer) -> object:
    parts = container.split(memoryview(data))
    # Whoever loads a value may change it in place: memory that others may see is copied first.
    buffers: list[bytes | memoryview | bytearray] = []
    for buffer in parts.buffers:
        view = memoryview(buffer)
        buffers.append(bytearray(view) if view.readonly else view)
    if not policy.pickles and parts.serializer == "pickle":
        return read_plain(parts.stream, buffers)
    policy.check_format(parts.serializer, safe=False)
    if parts.code and parts.serializer in _PICKLES:
        return homes.load(parts.stream, buffers, parts.code)
    return STREAMS.load(parts.serializer).load(parts.stream, buffers)


def _laid_out(serializer: str, code: bytes, stream: bytes, buffers: plain.Buffers) -> Encoded:
    if serializer == "pickle" and not code and not buffers:
        return Encoded(digest_bytes(stream), [stream], len(stream))
    views = [buffer.raw() for buffer in buffers]
    chunks = container.join(container.Parts(serializer, code, stream, views))
    return Encoded(digest_chunks(chunks), chunks, sum(map(len, chunks)))


def _with_files(digest: bytes, value: object) -> bytes:
    try:
        paths = paths_inside(value)
    except Exception:  # noqa: BLE001 - a value's own pickling code may raise anything
        # Only dill or cloudpickle stores it. Where files can't be found, nothing may be reused for them.
        return os.urandom(DIGEST_SIZE)
    return digest_tree("with files", [digest, *sorted(digest_bytes(plain.encode_plain(digest_path(p))) for p in paths)])


def _serialize(value: object, buffers: plain.Buffers, code: set[object], keep: Keep = never) -> tuple[str, bytes]:
    first = ""
    if not policy.pickles:
        return "pickle", _plainly(value, buffers, code, keep)
    for name in filter(policy.is_allowed, policy.PICKLES):
        try:
            return name, STREAMS.load(name).dump(value, buffers, code, keep)
        except HooklineError:
            raise
        except Exception as error:  # noqa: BLE001 - a value's own pickling code may raise anything
            first = first or f"{type(error).__name__}: {error}"
            buffers.clear()
    raise _unstorable(
        value,
        first,
        "return plain data, arrays, files or objects that pickle can handle; keep connections, locks and open files "
        "inside the step",
    )


def _plainly(value: object, buffers: plain.Buffers, code: set[object], keep: Keep) -> bytes:
    """Serialise under a policy that forbids pickles: what couldn't be loaded again is not stored either."""
    try:
        stream = STREAMS.load("pickle").dump(value, buffers, code, keep)
        read_plain(stream, [buffer.raw() for buffer in buffers])
    except Exception as error:
        reason = error.message if isinstance(error, HooklineError) else f"{type(error).__name__}: {error}"
        raise _unstorable(value, reason, policy.REMEDY) from error
    return stream


def _unstorable(value: object, reason: str, remedy: str) -> UnstorableError:
    kind = type(value)
    return UnstorableError(
        f"a value of type '{kind.__module__}.{kind.__qualname__}' can't be stored ({reason})", help=remedy
    )
