"""Where only one of the libraries of frames is installed, or none of checks."""

from __future__ import annotations

import subprocess
import sys

import pytest

ALONE = """
import sys
have, lacking = sys.argv[1], set(sys.argv[2].split(","))

class Lacking:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in lacking:
            raise ModuleNotFoundError(f"No module named '{name}'", name=name)

sys.meta_path.insert(0, Lacking())
import importlib
from hookline import ml
from hookline_data import read_schema, schema_of, screen

table = importlib.import_module(have).DataFrame({"a": [1, -2, 3], "b": ["x", None, "y"]})
column = ml.Column("a", "int", minimum=0, unique=True)
schema = ml.Schema((column, ml.Column("b", "str", nullable=True, pattern="x")))
kit = importlib.import_module(f"pandera.{have}")
theirs = read_schema(kit.DataFrameSchema({"a": kit.Column(int, kit.Check.ge(0))}))
for one in (schema, theirs):
    print(list(screen(table, one, mode="quarantine").quarantined["_reasons"]), schema_of(table).names)
"""


@pytest.mark.integration
@pytest.mark.parametrize(("have", "lacking"), [("pandas", "polars"), ("polars", "pandas,numpy,pyarrow")])
def test_one_library_of_frames_is_enough(have: str, lacking: str) -> None:
    """Tables are checked, put aside and described without the other one."""
    run = subprocess.run([sys.executable, "-c", ALONE, have, lacking], capture_output=True, text=True, check=False)
    assert run.stdout.splitlines() == [
        "['a is not at least 0', \"b does not match 'x'\"] ('a', 'b')",
        "['a is not at least 0'] ('a', 'b')",
    ], run.stderr


@pytest.mark.integration
def test_a_library_that_lacks_is_told_with_the_remedy() -> None:
    """As for all that the plugin needs."""
    code = (
        "import sys; sys.modules['pandera'] = None\nimport pandas as pd\nfrom hookline import HooklineError, ml\n"
        "from hookline_data import screen\n"
        "try: screen(pd.DataFrame({'a': [1]}), ml.Schema((ml.Column('a', 'int'),)))\n"
        "except HooklineError as error: print(error)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.stdout.splitlines() == [
        "the data plugin needs pandera, which is not installed",
        "help: pip install 'hookline[data]'",
    ], run.stderr
