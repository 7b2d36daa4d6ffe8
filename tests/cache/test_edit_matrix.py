"""Which edits change a step's fingerprint, and which must not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from cache.edits import MUST, MUST_NOT, Edit, files

PROBE = Path(__file__).with_name("probe.py")


def write(folder: Path, text: str) -> str:
    for name, content in files(text).items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    return str(folder)


def probe(folders: Iterable[str], *, seed: str = "0", cwd: Path | None = None) -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, str(PROBE)],
        input=json.dumps(list(folders)),
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env={**os.environ, "PYTHONHASHSEED": seed},
    )
    assert done.returncode == 0, done.stderr
    return list(json.loads(done.stdout))


def edited(edit: Edit) -> str:
    assert edit.old in edit.text, edit.name
    text = edit.text.replace(edit.old, edit.new, 1)
    if edit.name == "a moved helper":
        text = text.replace("# file: deep.py", "# file: deeper.py")
    return text


class Taken:
    """Fingerprints of every project of the matrix, before and after its edit."""

    def __init__(self, folder: Path) -> None:
        edits = [*MUST, *MUST_NOT]
        self._bases = list(dict.fromkeys(edit.text for edit in edits))
        befores = [write(folder / f"before{at}", text) for at, text in enumerate(self._bases)]
        afters = [write(folder / f"after{at}", edited(edit)) for at, edit in enumerate(edits)]
        self._before = dict(zip(self._bases, probe(befores), strict=True))
        self._after = dict(zip(edits, probe(afters), strict=True))
        # other processes, other hash seeds, other folders
        moved = folder / "moved" / "deep"
        self._elsewhere = [
            dict(
                zip(
                    self._bases,
                    probe(
                        [write(moved / seed / f"base{at}", text) for at, text in enumerate(self._bases)],
                        seed=seed,
                        cwd=folder,
                    ),
                    strict=True,
                )
            )
            for seed in ("1", "4242")
        ]

    def before(self, edit: Edit) -> dict[str, Any]:
        return self._before[edit.text]

    def after(self, edit: Edit) -> dict[str, Any]:
        return self._after[edit]

    def elsewhere(self) -> Iterable[tuple[str, dict[str, Any], dict[str, Any]]]:
        for found in self._elsewhere:
            for text in self._bases:
                yield text, self._before[text], found[text]


@pytest.fixture(scope="module")
def taken(tmp_path_factory: pytest.TempPathFactory) -> Taken:
    return Taken(tmp_path_factory.mktemp("matrix"))


@pytest.mark.parametrize("edit", MUST, ids=lambda edit: edit.name)
def test_an_edit_of_what_the_step_does_changes_its_fingerprint(taken: Taken, edit: Edit) -> None:
    """What decides a result decides the fingerprint: there is no false hit."""
    assert taken.after(edit)["digest"] != taken.before(edit)["digest"]
    assert not taken.after(edit)["unstable"], "must change by what it is, not because it has no digest"


@pytest.mark.parametrize("edit", MUST_NOT, ids=lambda edit: edit.name)
def test_an_edit_of_layout_or_words_keeps_the_fingerprint(taken: Taken, edit: Edit) -> None:
    """Comments, layout, docstrings, moved files and what is not reached run nothing again."""
    assert taken.after(edit)["digest"] == taken.before(edit)["digest"]
    assert not taken.after(edit)["unstable"]


def test_the_matrix_is_as_large_as_promised() -> None:
    """At least fifty edits that must invalidate and twenty that must not, each with a name of its own."""
    assert len(MUST) >= 50
    assert len(MUST_NOT) >= 20
    assert len({edit.name for edit in [*MUST, *MUST_NOT]}) == len(MUST) + len(MUST_NOT)


def test_a_fingerprint_is_the_same_in_another_process_folder_and_hash_seed(taken: Taken) -> None:
    """Neither the place of the project, the working directory nor the hash seed is in the digest."""
    for text, here, there in taken.elsewhere():
        assert here["digest"] == there["digest"], text
        assert [part[:5] for part in here["parts"]] == [part[:5] for part in there["parts"]], text
