"""What ``.gitignore`` files leave out, where git itself can't be asked.

A rule is held against a file or folder itself, as git does it, and not against what is in a folder: a folder that is
ignored is not entered, and one that a later rule takes back has its files judged anew.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Ignored"]

_PART = re.compile(
    r"""
      (?P<folders> (?: ^ | (?<=/) ) \*\*+ / )
    | (?P<everything> (?: ^ | (?<=/) ) \*\*+ $ )
    | (?P<some> \*+ )
    | (?P<one> \? )
    | \[ (?P<but> [!^]? ) (?P<of> \]? (?: \[:\w*:\] | \\. | [^\]\\] )* ) \]
    | \\ (?P<escaped> . )
    | (?P<plain> [^\\\[] )
    """,
    re.VERBOSE | re.DOTALL,
)
_IN_BRACKETS = re.compile(r"\[:(?P<kind>\w*):\]|\\?(?P<low>.)-\\?(?P<high>.)|\\?(?P<plain>.)", re.DOTALL)
_KINDS = {
    "alnum": "0-9A-Za-z",
    "alpha": "A-Za-z",
    "digit": "0-9",
    "lower": "a-z",
    "punct": "!-/:-@\\[-`{-~",
    "space": " \\t-\\r",
    "upper": "A-Z",
    "xdigit": "0-9A-Fa-f",
}


@dataclass(frozen=True, slots=True)
class _Rule:
    """One line.

    Attributes:
        ignores: Whether what it matches is left out; else it is taken back.
        folders_only: Whether it is for folders only.
        by_name: Whether it is for the last part of a path, wherever that is.
        form: What it matches.
    """

    ignores: bool
    folders_only: bool
    by_name: bool
    form: re.Pattern[str]


class Ignored:
    """The rules for what lies in one folder.

    Args:
        folder: The folder.
        above: The rules of the folder above; they don't hold in a repository of its own.
    """

    def __init__(self, folder: Path, above: Ignored | None = None) -> None:
        self._name = _octets(folder.name)
        self._above = None if (folder / ".git").exists() else above
        self._rules = _read(folder / ".gitignore")

    @classmethod
    def within_repository(cls, folder: Path) -> Ignored:
        """Give a folder's rules, with those of the folders above it up to the top of its repository, if it has one."""
        rules = None
        above = list(folder.parents)
        top = next((depth for depth, parent in enumerate([folder, *above]) if (parent / ".git").exists()), 0)
        for parent in reversed(above[:top]):
            rules = cls(parent, rules)
        return cls(folder, rules)

    def leaves_out(self, name: str, *, folder: bool) -> bool:
        """Tell whether something in the folder is ignored.

        Args:
            name: Its name.
            folder: Whether it is a folder.
        """
        path = name = _octets(name)
        rules: Ignored | None = self
        while rules is not None:
            for rule in rules._rules:
                if (folder or not rule.folders_only) and rule.form.fullmatch(name if rule.by_name else path):
                    return rule.ignores
            path = f"{rules._name}/{path}"
            rules = rules._above
        return False


def _octets(name: str) -> str:
    """Give a name with a character for each byte, which is what git matches."""
    return os.fsencode(name).decode("latin-1")


def _read(file: Path) -> list[_Rule]:
    """Read rules, the last one first: it is the one that counts."""
    try:
        data = b"" if file.is_symlink() else file.read_bytes()
    except OSError:
        return []
    lines = data.removeprefix(b"\xef\xbb\xbf").decode("latin-1").split("\n")
    rules = [_rule(line.removesuffix("\r")) for line in reversed(lines)]
    return [rule for rule in rules if rule is not None]


def _rule(line: str) -> _Rule | None:
    text = line.rstrip(" ")
    if text != line and (len(text) - len(text.rstrip("\\"))) % 2:
        text += " "  # the first of the spaces was escaped
    if text.startswith("#"):
        return None
    pattern = text.removeprefix("!")
    path = pattern.removesuffix("/")
    form = _form(path.removeprefix("/"))
    return None if form is None else _Rule(pattern == text, path != pattern, "/" not in path, form)


def _form(pattern: str) -> re.Pattern[str] | None:
    """Translate a pattern; nothing for one that git takes for broken."""
    form, at = "", 0
    while at < len(pattern):
        part = _PART.match(pattern, at)
        if part is None:
            return None
        at = part.end()
        match part.lastgroup:
            case "folders":
                form += "(?:.*/)?"
            case "everything":
                form += ".*"
            case "some":
                form += "[^/]*"
            case "one":
                form += "[^/]"
            case "of":
                form += _one_of(part["of"], but=bool(part["but"]))
            case _:
                form += re.escape(part["escaped"] or part["plain"])
    return re.compile(form, re.DOTALL)


def _one_of(characters: str, *, but: bool) -> str:
    """Translate what is in brackets."""
    found = ""
    for part in _IN_BRACKETS.finditer(characters):
        if part["kind"] is not None:
            found += _KINDS.get(part["kind"], "")
        elif part["plain"] is not None:
            found += re.escape(part["plain"])
        elif part["low"] <= part["high"]:
            found += f"{re.escape(part['low'])}-{re.escape(part['high'])}"
    if but:
        return f"[^/{found}]"
    return f"(?!/)[{found}]" if found else "(?!)"
