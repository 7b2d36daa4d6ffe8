"""Runs every code block of the documentation, page by page, in an empty folder with a copy of ``examples/``.

A ``python`` block whose first line is a comment with a file's name, such as ``# churn.py``, is written to that file;
any other is a script of its own. A ``yaml`` or ``toml`` block always has such a line. A ``console`` block has commands
after ``$`` and, below each, lines of output: they must appear in this order, other lines may stand between them, and
``…`` stands for any text within a line. A command must succeed unless it ends in ``; echo $?``. ``cd`` alone, unlike
``cd`` before another command, holds for the rest of the page. ``pip install -e FOLDER`` is not run, since it would
change the environment of the tests: what it does is done in a folder on the path. A ``text`` block is a picture; other
languages don't occur.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from forks import fork

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [
        *ROOT.glob("*.md"),
        *(page for page in ROOT.glob("docs/**/*.md") if "decisions" not in page.parts),
        *ROOT.glob("examples/*/*.md"),
    ]
)
pytestmark = pytest.mark.integration
_INSTALL = "pip install -e "
_SITE = ".site"
BIN = Path(sys.executable).parent
_PLAIN = re.compile(
    r"(cd (?P<inside>\w+) && )?(?P<variables>([A-Z_]+=[\w.-]+ )*)"
    r"(?P<program>hookline|python) (?P<words>(?!-c |-m pytest)[^|;&<>`$*]*)(?P<echo>; echo \$\?)?"
)
"""What needs no shell."""


@dataclass(frozen=True)
class Block:
    page: Path
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks_of(page: Path) -> Iterator[Block]:
    for found in re.finditer(r"^( *)```(\S*)\n(.*?)^\1```$", page.read_text(), re.DOTALL | re.MULTILINE):
        line = page.read_text().count("\n", 0, found.start()) + 1
        text = re.sub(f"^{found[1]}", "", found[3], flags=re.MULTILINE)
        yield Block(page, line, found[2], text)


def with_code(pages: list[Path]) -> list[Path]:
    return [page for page in pages if any(block.language != "text" for block in blocks_of(page))]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    unwanted = shutil.ignore_patterns("__pycache__", ".hookline", "data")
    shutil.copytree(ROOT / "examples", tmp_path / "examples", ignore=unwanted)
    return tmp_path


@pytest.mark.parametrize("page", with_code(PAGES), ids=lambda page: str(page.relative_to(ROOT)))
def test_every_code_block_does_what_the_page_says(page: Path, folder: Path) -> None:
    """Blocks of a page run in order in one folder; a reader who types them sees what is printed there."""
    if "examples" in page.parts:
        (folder / "pyproject.toml").touch()  # its commands are typed in the root of a clone
    site = folder / _SITE
    for block in blocks_of(page):
        if block.language == "python":
            run_python(block, folder, site)
        elif block.language in ("yaml", "toml"):
            write_file(block, folder)
        elif block.language == "console":
            folder = run_console(block, folder, site)
        else:
            assert block.language == "text", f"{block}: a block of '{block.language or 'no language'}' can't be run"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_to_a_file_leads_somewhere(page: Path) -> None:
    """A relative link names a file or folder of the repository."""
    prose = re.sub(r"^( *)```.*?^\1```$", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    links = [link for link in re.findall(r"\]\(([^)#\s]+)", prose) if "://" not in link]
    missing = [link for link in links if not (page.parent / link).exists() and link != "figures.png"]

    assert not missing


def run_python(block: Block, folder: Path, site: Path) -> None:
    name = re.match(r"# ([\w./-]+\.py)\n", block.text)
    if name is not None:
        (folder / name[1]).write_text(block.text)
        return
    script = folder / f"block_{block.line}.py"
    script.write_text(block.text)
    done = in_shell(f"python {script.name}", folder, site)
    assert done.returncode == 0, f"{block}:\n{done.stdout}"


def write_file(block: Block, folder: Path) -> None:
    name = re.match(r"# ([\w./-]+\.(?:yaml|toml))\n", block.text)
    assert name is not None, f"{block}: it does not say which file it is"
    (folder / name[1]).write_text(block.text)


def run_console(block: Block, folder: Path, site: Path) -> Path:
    """Run a block's commands, and give the folder in which they leave the reader."""
    commands = re.split(r"^\$ ", block.text, flags=re.MULTILINE)
    assert not commands[0].strip(), f"{block}: it does not begin with a command"
    for command in commands[1:]:
        typed, _, expected = command.replace("\\\n", " ").partition("\n")
        if typed.startswith(_INSTALL):
            install(folder / typed.removeprefix(_INSTALL), site)
            continue
        if re.fullmatch(r"cd [\w./-]+", typed):
            folder /= typed.removeprefix("cd ")
            assert folder.is_dir(), f"{block}: {typed}"
            continue
        done = in_shell(typed, folder, site)
        assert done.returncode == 0, f"{block}: {typed}\n{done.stdout}"
        lines = iter(done.stdout.splitlines())
        for wanted in filter(str.strip, expected.splitlines()):
            found = any(re.fullmatch(pattern(wanted), line.strip()) for line in lines)
            assert found, f"{block}: '{typed}' does not print '{wanted}' (or not there):\n{done.stdout}"
    return folder


def pattern(wanted: str) -> str:
    """Let ``…`` stand for any text, and any number of blanks for each other."""
    return re.sub(r"(\\ )+", r" +", re.escape(wanted.strip()).replace("…", ".*"))


def install(project: Path, site: Path) -> None:
    """Do what an editable installation does: write down the metadata, and put the sources on the path."""
    told = tomllib.loads((project / "pyproject.toml").read_text())["project"]
    name, version = told["name"], told["version"]
    info = site / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    groups = [
        f"[{group}]\n" + "".join(f"{entry} = {value}\n" for entry, value in entries.items())
        for group, entries in told.get("entry-points", {}).items()
    ]
    (info / "entry_points.txt").write_text("\n".join(groups))
    for module in (project / "src").iterdir():
        (site / module.name).symlink_to(module)


def in_shell(command: str, folder: Path, site: Path) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("HOOKLINE_", "VIRTUAL_"))}
    environment["PATH"] = os.pathsep.join([str(BIN), environment.get("PATH", "")])
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(site), environment.get("PYTHONPATH")]))
    environment |= {"COLUMNS": "120", "NO_COLOR": "1"}
    plain = _PLAIN.fullmatch(command)
    if plain is not None:
        return in_fork(plain, folder, environment)
    return subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=180,
        check=False,
    )


def in_fork(plain: re.Match[str], folder: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Do what a shell would with a command that needs none: it takes a fifth of the time."""
    words = shlex.split(plain["words"])
    if plain["program"] == "hookline":
        words.insert(0, str(BIN / "hookline"))
    given = dict(word.split("=", 1) for word in plain["variables"].split())
    done = fork(words, folder / (plain["inside"] or ""), environment | given, 180, merge=True)
    if plain["echo"]:
        return subprocess.CompletedProcess(words, 0, f"{done.out}{done.code}\n")
    return subprocess.CompletedProcess(words, done.code, done.out)
