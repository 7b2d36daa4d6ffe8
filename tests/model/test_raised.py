"""Words for what foreign code raised."""

from __future__ import annotations

import pytest

from hookline.model.masking import keep_out
from hookline.model.raised import words_of


class Silent(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ValueError("no such table"), "ValueError: no such table"),
        (ValueError(), "ValueError"),
        (ValueError("with words-of-a-secret in it"), "ValueError: with *** in it"),
        (Silent(), "Silent: (its text can't be made: RuntimeError)"),
        (ValueError("4" * 5000), "ValueError: " + "4" * 2000 + "…"),
    ],
)
def test_an_exception_is_told_in_one_text_whatever_it_does(error: Exception, words: str) -> None:
    """Its type and text; masked, bounded, and without a fault of its own."""
    keep_out("words-of-a-secret")
    assert words_of(error) == words
