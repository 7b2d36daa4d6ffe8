"""Forms of NumPy's values: arrays of numbers, times, texts, records and objects, masked arrays, scalars."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from hookline.values.forms import Form, NotPlain
from hookline.values.plain import rebuild_array, rebuild_scalar

__all__ = ["lend", "rebuild_masked", "rebuild_objects", "rebuild_records", "reduce"]

_SIMPLE = frozenset("biufcmMSU")

Layout = Any
"""An element type as plain data: its text, ``("record", …)`` or ``("repeated", …)``."""


def reduce(value: Any) -> Form | None:
    """See :func:`hookline.values.forms.form_of`."""
    kind = type(value)
    if kind is np.ndarray:
        return _reduce_array(value)
    if kind is np.ma.MaskedArray:
        return _reduce_masked(value)
    if isinstance(value, np.generic) and kind is value.dtype.type:
        return _reduce_scalar(value)
    return None


def lend(raw: Any) -> pickle.PickleBuffer:
    """Give memory to the pickler, not copied.

    The stream tells whether the memory is read-only, which is no part of a value: all of it goes as writable.

    Args:
        raw: Bytes as an array of one axis.
    """
    return pickle.PickleBuffer(raw if raw.flags.writeable else np.asarray(_Lent(raw)))  # type: ignore[arg-type]


class _Lent:
    """Memory of an array, said to be writable; keeps the array alive."""

    def __init__(self, array: Any) -> None:
        self._array = array
        place, _ = array.__array_interface__["data"]
        self.__array_interface__ = {**array.__array_interface__, "data": (place, False)}


def rebuild_objects(shape: tuple[int, ...], order: Literal["C", "F"], items: Sequence[object]) -> Any:
    """Make an array of objects.

    Args:
        shape: Lengths of the axes.
        order: ``"C"`` or ``"F"``.
        items: The elements, in that order.
    """
    # Not np.array, which looks into elements that are lists themselves.
    return np.fromiter(items, dtype=object, count=len(items)).reshape(shape, order=order)


def rebuild_records(layout: Layout, shape: tuple[int, ...], order: Literal["C", "F"], buffer: Any) -> Any:
    """Make an array of records over its stored bytes.

    Args:
        layout: The element type.
        shape: Lengths of the axes.
        order: ``"C"`` or ``"F"``.
        buffer: The elements' bytes, in that order.
    """
    if memoryview(buffer).readonly:
        buffer = bytearray(buffer)
    made = _dtype(layout)
    if made.hasobject:
        raise ValueError("an array of objects over bytes")  # their addresses would be the stream's choice
    return np.ndarray(shape, dtype=made, buffer=buffer, order=order)


def rebuild_masked(data: Any, mask: Any, fill_value: Any, hard: bool) -> Any:
    """Make a masked array.

    Args:
        data: All elements, also those that are masked.
        mask: An array that tells which are masked; None where there is no mask.
        fill_value: What stands for masked elements, as an array without axes; None for the type's default.
        hard: Whether assignments leave masked elements masked.
    """
    fill = None if fill_value is None else fill_value[()]
    return np.ma.MaskedArray(
        data, mask=np.ma.nomask if mask is None else mask, fill_value=fill, hard_mask=hard, copy=False
    )


def _reduce_array(array: Any) -> Form:
    dtype, order = array.dtype, _order(array)
    if dtype.kind == "O":
        return rebuild_objects, (array.shape, order, array.ravel(order=order).tolist())
    if dtype.kind in _SIMPLE and dtype.itemsize and not dtype.metadata:
        return rebuild_array, (dtype.str, array.shape, order, _bytes(array, order))
    layout = _layout(dtype)
    if _width(layout, dtype) < dtype.itemsize:
        # What lies between the fields is no part of the value, and may be anything.
        array, unclean = np.zeros(array.shape, dtype, order), array
        _copy_fields(unclean, array)
    return rebuild_records, (layout, array.shape, order, _bytes(array, order))


def _order(array: Any) -> Literal["C", "F"]:
    return "F" if array.flags.f_contiguous and not array.flags.c_contiguous else "C"


def _bytes(array: Any, order: Literal["C", "F"]) -> pickle.PickleBuffer:
    # Not every element type (dates) exports a buffer; its bytes do.
    return lend(np.asarray(array, order=order).ravel(order=order).view(np.uint8))


def _reduce_masked(array: Any) -> Form:
    if type(array.data) is not np.ndarray:
        raise NotPlain("a masked array over a subclass")
    mask, fill = np.ma.getmask(array), getattr(array, "_fill_value", None)
    return rebuild_masked, (
        array.data,
        None if mask is np.ma.nomask else mask,
        None if fill is None else np.asarray(fill),
        bool(array.hardmask),
    )


def _reduce_scalar(scalar: Any) -> Form:
    dtype = scalar.dtype
    if dtype.kind not in _SIMPLE:
        raise NotPlain("a record scalar")
    # NumPy's own bytes of texts lack the zeros at their end.
    if dtype.kind == "S":
        return rebuild_scalar, (f"|S{len(scalar)}", bytes(scalar))
    if dtype.kind == "U":
        return rebuild_scalar, (f"<U{len(scalar)}", scalar.encode("utf-32-le", "surrogatepass"))
    return rebuild_scalar, (dtype.str, scalar.tobytes())


def _layout(dtype: Any) -> Layout:
    if dtype.metadata or not dtype.itemsize:
        raise NotPlain("an element type with metadata, or without bytes")
    if dtype.subdtype is not None:
        base, shape = dtype.subdtype
        return "repeated", _layout(base), shape
    if dtype.names is None:
        if dtype.kind not in _SIMPLE and dtype.kind != "V":
            raise NotPlain(f"elements of type {dtype}")
        return dtype.str
    if dtype.type is not np.void:
        raise NotPlain("elements that are a subclass of records")
    fields = []
    for name in dtype.names:
        part, offset, *title = dtype.fields[name]
        fields.append((name, _layout(part), offset, title[0] if title else None))
    return "record", tuple(fields), dtype.itemsize, dtype.isalignedstruct


def _dtype(layout: Layout) -> Any:
    if isinstance(layout, str):
        return np.dtype(layout)
    if layout[0] == "repeated":
        return np.dtype((_dtype(layout[1]), layout[2]))
    _, fields, itemsize, aligned = layout
    names, parts, offsets, titles = zip(*fields, strict=True) if fields else ((), (), (), ())
    described = {"names": names, "formats": [*map(_dtype, parts)], "offsets": offsets, "itemsize": itemsize}
    if any(title is not None for title in titles):
        described["titles"] = titles
    return np.dtype(described, align=aligned)  # type: ignore[call-overload]


def _width(layout: Layout, dtype: Any) -> int:
    """Count the bytes that belong to fields."""
    if dtype.subdtype is not None:
        base, _ = dtype.subdtype
        return _width(layout[1], base) * int(dtype.itemsize // base.itemsize)
    if dtype.names is None:
        return int(dtype.itemsize)
    return sum(_width(part, dtype.fields[name][0]) for name, part, *_ in layout[1])


def _copy_fields(source: Any, target: Any) -> None:
    if source.dtype.names is None:
        target[...] = source
    else:
        for name in source.dtype.names:
            _copy_fields(source[name], target[name])
