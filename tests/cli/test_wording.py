"""How numbers, times and foreign text are written."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookline.cli.wording import all_of, clean, clipped, counted, duration, hint, listed_counts, one_line, table


@given(st.text())
def test_no_text_can_steer_a_terminal(text: str):
    """What is shown holds no control character but line breaks and tabs, whatever came in."""
    shown = clean(text)
    assert not [character for character in shown if ord(character) < 32 and character not in "\n\t"]
    assert not [character for character in shown if 0x7F <= ord(character) <= 0x9F]
    assert not set(shown) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
    shown.encode("utf-8")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("\x1b[2J", "\\x1b[2J"),
        ("\x1b[\x1b[0m2J", "\\x1b[2J"),
        ("50%\r100%\r\n", "50%\n100%\n"),
        ("tab\tand\nline", "tab\tand\nline"),
        ("\x9b2J", "\\x9b2J"),
        ("a\u202eb", "a\\u202eb"),
        ("\ud800", "\\ud800"),
    ],
)
def test_colours_go_and_control_characters_become_visible(text: str, shown: str):
    """Colours are dropped, other sequences are shown as text, lone carriage returns start lines."""
    assert clean(text) == shown


def test_one_line_is_one_line():
    """Text for a table cell has no line breaks and a limited length."""
    assert one_line("a\n b\t\tc") == "a b c"
    assert one_line("x" * 50, 10) == "x" * 9 + "…"
    assert clipped("abc", 3) == "abc"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (0.004, "<0.01 s"),
        (0.25, "0.25 s"),
        (3.14159, "3.1 s"),
        (9.96, "10 s"),
        (59.7, "1 m"),
        (200, "3 m 20 s"),
        (7500, "2 h 5 m"),
        (3600, "1 h"),
        (200000, "2 d 7 h"),
        (86400 * 3, "3 d"),
    ],
)
def test_durations_are_short(seconds: float, text: str):
    """A length of time is written with one or two units."""
    assert duration(seconds) == text


def test_counts_are_words():
    """Counts read as people say them, in one order, without zeros."""
    counts = {"failed": 1, "completed": 1200, "skipped": 0, "timed_out": 2, "strange_state": 4}
    assert listed_counts(counts) == "1,200 done, 1 failed, 2 timed out, 4 strange state"
    assert counted(1, "task") == "1 task"
    assert counted(2, "retry", "retries") == "2 retries"
    assert [all_of(1), all_of(2), all_of(12)] == ["the one task", "both tasks", "all 12 tasks"]


def test_a_suggested_command_can_be_pasted():
    """Words that a shell would act on are quoted, and the store is named where it has to be."""
    command = hint("runs", "logs", "last", "train[3]", store="/tmp/my store")
    assert shlex.split(command) == ["hookline", "runs", "logs", "last", "train[3]", "--store", "/tmp/my store"]
    assert hint("resume", "last") == "hookline resume last"


def test_columns_line_up():
    """Each column is as wide as its widest cell; numbers are flush right; lines have no spaces at their end."""
    assert table(("run", "n"), [("a", "1"), ("bcd", "10")], right=(1,)) == ["run   n", "a     1", "bcd  10"]
    assert table((), [("a", ""), ("bc", "")]) == ["a", "bc"]
    assert table((), []) == []
