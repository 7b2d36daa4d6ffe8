"""Words for what foreign code raised: one text of bounded length, without secrets, whatever the exception does."""

from __future__ import annotations

from hookline.model.masking import mask

__all__ = ["text_of", "words_of"]

_MOST = 2_000


def words_of(error: BaseException) -> str:
    """Name an exception's type with its text: ``ValueError: no such table``; the type alone where it has none.

    Args:
        error: What was raised.
    """
    kind, text = type(error).__name__, text_of(error)
    return f"{kind}: {text}" if text else kind


def text_of(error: BaseException) -> str:
    """Give an exception's text, with secrets masked, and cut where it is very long.

    Args:
        error: What was raised.
    """
    try:
        text = mask(str(error))
    except Exception as broken:  # noqa: BLE001 - a __str__ may raise anything
        return f"(its text can't be made: {type(broken).__name__})"
    return text if len(text) <= _MOST else f"{text[:_MOST]}…"
