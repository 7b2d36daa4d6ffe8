"""Forms of pyarrow's arrays: the same however they are chunked, sliced, or filled where values are missing."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from hookline.values.forms import Form
from hookline.values.forms.arrays import lend

__all__ = ["rebuild_array", "rebuild_chunked", "rebuild_message", "reduce"]

Buffers = list[pickle.PickleBuffer | None]


def reduce(value: Any) -> Form | None:
    """See :func:`hookline.values.forms.form_of`."""
    if isinstance(value, pa.ChunkedArray):
        return rebuild_chunked, (_serialized(value.type), _whole(value))
    if isinstance(value, pa.Array):
        return _reduce_array(value)
    return None


def rebuild_chunked(kind: bytes, array: Any) -> Any:
    """Make a chunked array of one chunk.

    Args:
        kind: The serialised type.
        array: The chunk.
    """
    return pa.chunked_array([array], type=_type(kind))


def rebuild_array(kind: bytes, length: int, missing: int, buffers: Sequence[Any], children: Sequence[Any]) -> Any:
    """Make an array over stored memory.

    Args:
        kind: The serialised type.
        length: How many elements.
        missing: How many of them are null.
        buffers: As Arrow lays the type out; None for one that is not there.
        children: The arrays of nested types; the values that a dictionary's indices go to.
    """
    made, found = _type(kind), [None if buffer is None else pa.py_buffer(buffer) for buffer in buffers]
    if pa.types.is_dictionary(made):
        indices = pa.Array.from_buffers(made.index_type, length, found, missing)
        return pa.DictionaryArray.from_arrays(indices, children[0], ordered=made.ordered, safe=False)
    return pa.Array.from_buffers(made, length, found, missing, children=[*children])


def rebuild_message(buffer: Any) -> Any:
    """Read an array from a stream of Arrow's own format."""
    with pa.ipc.open_stream(pa.py_buffer(buffer)) as reader:
        return reader.read_all().column(0).combine_chunks()


def _whole(value: Any) -> Any:
    """Put the chunks together; one stays as it is."""
    if value.num_chunks == 1:
        return value.chunk(0)
    return pa.concat_arrays(value.chunks) if value.num_chunks else pa.array([], value.type)


def _reduce_array(array: Any) -> Form:
    laid_out = _laid_out(array.indices if pa.types.is_dictionary(array.type) else array)
    if laid_out is None:
        return rebuild_message, (_message(array),)
    buffers, children = laid_out
    if pa.types.is_dictionary(array.type):
        children = [array.dictionary]
    return rebuild_array, (_serialized(array.type), len(array), array.null_count, buffers, children)


def _laid_out(array: Any) -> tuple[Buffers, list[Any]] | None:
    """Give buffers and children in their one canonical layout; None for types that have none here."""
    kind = array.type
    if pa.types.is_null(kind):
        return [None], []
    validity = _bits(array.is_valid()) if array.null_count else None
    if pa.types.is_boolean(kind):
        return [validity, _bits(array.fill_null(False) if array.null_count else array)], []
    if pa.types.is_struct(kind):
        # Where a struct is null, what its fields hold is no part of the value: flatten makes them null as well.
        return [validity], array.flatten()
    if pa.types.is_fixed_size_list(kind):
        return [validity], [_of_fixed_lists(array)]
    if _offset_width(kind):
        return _variable(array, validity)
    if pa.types.is_primitive(kind) or pa.types.is_decimal(kind) or pa.types.is_fixed_size_binary(kind):
        return [validity, _fixed(array)], []
    return None


def _fixed(array: Any) -> pickle.PickleBuffer:
    width = array.type.bit_width // 8
    raw = array.buffers()[1]
    data = np.empty(0, np.uint8) if raw is None else np.frombuffer(raw, np.uint8)
    data = data[array.offset * width : (array.offset + len(array)) * width]
    if array.null_count:
        data = data.copy()
        data.reshape(len(array), width)[~array.is_valid().to_numpy(zero_copy_only=False)] = 0
    return lend(data)


def _of_fixed_lists(array: Any) -> Any:
    size = array.type.list_size
    inside = array.values.slice(array.offset * size, len(array) * size)
    if not array.null_count:
        return inside
    gone = np.repeat(~array.is_valid().to_numpy(zero_copy_only=False), size)
    return inside.take(pa.array(np.arange(len(inside)), mask=gone))


def _variable(array: Any, validity: pickle.PickleBuffer | None) -> tuple[Buffers, list[Any]]:
    if array.null_count and _holds_under_nulls(array):
        array = array.take(pa.array(np.arange(len(array))))
    width = _offset_width(array.type)
    raw = array.buffers()[1]
    offsets = np.zeros(1, width) if raw is None or not len(array) else np.frombuffer(raw, width)
    offsets = offsets[array.offset : array.offset + len(array) + 1] if len(array) else offsets[:1]
    first, last = int(offsets[0]), int(offsets[-1])
    found = lend(np.ascontiguousarray(offsets - offsets[0] if first else offsets).view(np.uint8))
    if pa.types.is_list(array.type) or pa.types.is_large_list(array.type):
        return [validity, found], [array.values.slice(first, last - first)]
    data = array.buffers()[2]
    held = np.empty(0, np.uint8) if data is None else np.frombuffer(data, np.uint8)[first:last]
    return [validity, found, lend(held)], []


def _holds_under_nulls(array: Any) -> bool:
    offsets = np.frombuffer(array.buffers()[1], _offset_width(array.type))
    lengths = np.diff(offsets[array.offset : array.offset + len(array) + 1])
    return bool(lengths[~array.is_valid().to_numpy(zero_copy_only=False)].any())


def _offset_width(kind: Any) -> str:
    """Name the type of the offsets of texts, bytes and lists; empty for all other types."""
    if pa.types.is_string(kind) or pa.types.is_binary(kind) or pa.types.is_list(kind):
        return "<i4"
    if pa.types.is_large_string(kind) or pa.types.is_large_binary(kind) or pa.types.is_large_list(kind):
        return "<i8"
    return ""


def _bits(flags: Any) -> pickle.PickleBuffer:
    packed = np.packbits(flags.to_numpy(zero_copy_only=False).astype(bool), bitorder="little")
    return lend(packed)


def _message(array: Any) -> pickle.PickleBuffer:
    batch = pa.record_batch([array], names=[""])
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return lend(np.frombuffer(sink.getvalue(), np.uint8))


def _serialized(kind: Any) -> bytes:
    return bytes(pa.schema([pa.field("", kind)]).serialize())


def _type(kind: bytes) -> Any:
    return pa.ipc.read_schema(pa.py_buffer(kind)).field(0).type
