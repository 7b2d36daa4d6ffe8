"""From a step's value to stored outputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from hookline.model.outputs import Outputs
from hookline.store.artifact_writer import ArtifactWriter
from hookline.store.outputs import INLINE_LIMIT, Stored, pack_outputs
from hookline.values.digest import digest_bytes
from hookline.values.encode import CodeDigest, encode
from hookline.values.files import FileRef, manifest, name_of
from hookline.values.registered import Identity, kept_record
from hookline.values.serializers import UnstorableError

__all__ = ["Storer"]


class Storer:
    """Stores values and says where they are.

    Args:
        writer: Takes what is too large for a row.
        code_digest: Digests the project code that a value refers to.
        folder: Where attempts have their folders, which don't last: paths there are kept inside objects, too.
    """

    def __init__(self, writer: ArtifactWriter, code_digest: CodeDigest, folder: Path) -> None:
        self._writer = writer
        self._code_digest = code_digest
        self._folder = folder.resolve()

    def outcome(self, value: Any, outputs: Outputs) -> bytes:
        """Store a step's value.

        Args:
            value: What the function returned, of the declared type.
            outputs: Its slots.

        Returns:
            The packed outputs; what they point to is written, and durable after the writer's ``sync``.

        Raises:
            UnstorableError: A slot can't be stored, or the value has more to it than its slots.
            StoreError: The disk refuses.
        """
        lost = outputs.lost(value)
        if lost:
            raise _more_than_fields(type(value).__name__, lost)
        return pack_outputs([self.slot(part) for part in outputs.split(value)], split=outputs.form != "one")

    def slot(self, value: Any) -> Stored:
        """Store one value."""
        return self._slot(value, apart=True)

    def _slot(self, value: Any, *, apart: bool) -> Stored:
        """Store one value; those in it that have a digest of their own apart, or where they are."""
        files: list[Stored] = []
        kept: set[Identity] = set()

        def keep(path: Path) -> FileRef:
            return self._keep(path, files.append)

        def keep_inside(path: Path) -> FileRef | None:
            return keep(path) if path.resolve().is_relative_to(self._folder) else None

        def keep_value(part: Any, identity: Identity) -> None:
            if identity not in kept:
                kept.add(identity)
                record = kept_record(identity)
                files.append(Stored(digest_bytes(record), len(record), b"", record, (self._slot(part, apart=False),)))

        encoded = encode(
            value,
            code_digest=self._code_digest,
            keep_file=keep,
            keep_inside=keep_inside,
            keep_value=keep_value if apart else None,
        )
        if encoded.size <= INLINE_LIMIT:
            return Stored(encoded.digest, encoded.size, b"", encoded.data(), tuple(files))
        place = self._writer.put(encoded.digest, encoded.chunks, encoded.size)
        return Stored(encoded.digest, encoded.size, place, None, tuple(files))

    def pack(self, stream: bytes, apart: Sequence[Stored]) -> bytes:
        """Store bytes that refer to other stored values.

        Args:
            stream: The bytes.
            apart: What they refer to; kept as long as they are.

        Returns:
            The packed outputs.
        """
        digest, size = digest_bytes(stream), len(stream)
        place = b"" if size <= INLINE_LIMIT else self._writer.put(digest, [stream], size)
        return pack_outputs([Stored(digest, size, place, None if place else stream, tuple(apart))])

    def _keep(self, path: Path, found: Callable[[Stored], None]) -> FileRef:
        if path.is_dir():
            children: dict[bytes, Stored] = {}

            def keep_child(child: Path) -> bytes:
                stored = self._writer.put_file(child)
                children[stored.digest] = stored
                return stored.digest

            rows = manifest(path, keep_child)
            digest, size = digest_bytes(rows), len(rows)
            place = b"" if size <= INLINE_LIMIT else self._writer.put(digest, [rows], size)
            found(Stored(digest, size, place, None if place else rows, tuple(children.values())))
            return FileRef(name_of(path), digest, folder=True)
        if not path.exists():
            raise UnstorableError(
                f"the step returned the path '{path}', where nothing is",
                help="write the file before returning its path, or return a PurePath or str to pass the path itself on",
            )
        stored = self._writer.put_file(path)
        found(stored)
        return FileRef(name_of(path), stored.digest)


def _more_than_fields(kind: str, names: list[str]) -> UnstorableError:
    listed = ", ".join(f"'{name}'" for name in names)
    return UnstorableError(
        f"the step returned a '{kind}' with attributes that are no fields: {listed}; "
        "a dataclass is kept field by field",
        help=f"make {'it a field' if len(names) == 1 else 'them fields'} with field(init=False), or compute "
        f"{'it' if len(names) == 1 else 'them'} in a property or cached_property",
    )
