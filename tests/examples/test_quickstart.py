from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

Copy = Callable[[str, Path], Path]
Play = Callable[[Path, str], Any]


def test_the_quickstart_finds_the_rule_that_its_data_were_made_by(tmp_path: Path, copy_of: Copy, play: Play) -> None:
    """Long silence tells best who leaves; another seed makes other customers."""
    code = """
import hookline
from churn import churn
runs = [hookline.run(churn, seed=seed) for seed in (0, 0, 1)]
said = [[run.result, run.counts.get("reused", 0)] for run in runs]
"""
    (first, new), (again, reused), (other, _) = play(copy_of("quickstart", tmp_path), code)

    assert first["column"] == "silent_months"
    assert (again, new, reused) == (first, 0, 5)
    assert other["accuracy"] != first["accuracy"]


def test_the_quickstart_runs_as_a_script(tmp_path: Path, copy_of: Copy) -> None:
    """``python churn.py`` prints the result."""
    done = subprocess.run(
        [sys.executable, "churn.py"],
        cwd=copy_of("quickstart", tmp_path),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "'column': 'silent_months'" in done.stdout


def test_the_quickstart_in_yaml_reuses_what_the_one_in_python_recorded(tmp_path: Path, copy_of: Copy) -> None:
    """The two files declare the same tasks, with the same keys."""
    folder = copy_of("quickstart", tmp_path)
    shown = [
        subprocess.run(
            [sys.executable, "-m", "hookline", "run", name, "--json"],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        for name in ("churn.py", "churn.yaml")
    ]
    python, declared = (json.loads(one.stdout.splitlines()[-1]) for one in shown)

    assert declared["counts"] == {"reused": 5}
    assert declared["result"] == python["result"]


def test_the_readme_shows_the_quickstart_as_it_is() -> None:
    """The README's first example is examples/quickstart/churn.py, word for word."""
    root = Path(__file__).parents[2]
    shown = (root / "README.md").read_text().split("```python\n", 1)[1].split("```", 1)[0]
    kept = (root / "examples" / "quickstart" / "churn.py").read_text()

    assert shown.split("\n", 1)[0] == "# churn.py"
    assert shown.split("\n", 1)[1].strip() == kept.split("\n", 1)[1].strip()
