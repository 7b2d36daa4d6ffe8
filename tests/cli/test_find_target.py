"""Finding the target among options that are not known yet."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from hookline.cli.workflow_command import find_target


@dataclass
class Declared:
    opts: list[str]
    is_flag: bool = False
    count: bool = False
    secondary_opts: tuple[str, ...] = ()


PARAMS = [
    Declared(["target"]),
    Declared(["--seed"]),
    Declared(["--param", "-p"]),
    Declared(["--fresh"], is_flag=True),
    Declared(["--verbose", "-v"], count=True),
]


@pytest.mark.parametrize(
    ("line", "target"),
    [
        ("churn.py", "churn.py"),
        ("churn.py --depth 3 other.py", "churn.py"),
        ("--seed 1 churn.py", "churn.py"),
        ("--seed=1 churn.py", "churn.py"),
        ("-p a=b churn.py", "churn.py"),
        ("-pa=b churn.py", "churn.py"),
        ("--fresh -v churn.py", "churn.py"),
        ("--depth 3 churn.py", "churn.py"),
        ("--depth=3 churn.py", "churn.py"),
        ("--flag package.module:churn", "package.module:churn"),
        ("--depth 3 strange", "3"),
        ("--help churn.py", "churn.py"),
        ("-- churn.py", "churn.py"),
        ("--seed 1", None),
        ("--fresh", None),
        ("", None),
    ],
)
def test_the_target_is_found_wherever_it_stands(line: str, target: str | None):
    """The first word that is no option's value is the target; after unknown options, the first that looks like one."""
    assert find_target(line.split(), PARAMS) == target
