"""Where the slots of an outcome are kept, by their size; how they are packed, the model says."""

from __future__ import annotations

from hookline.model.stored import ONE_INLINE, Stored, pack_one, pack_outputs, unpack_outputs

__all__ = ["INLINE_LIMIT", "ONE_INLINE", "PACK_LIMIT", "Stored", "pack_one", "pack_outputs", "unpack_outputs"]

INLINE_LIMIT = 4096
PACK_LIMIT = 1 << 20
