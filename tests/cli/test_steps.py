"""``hookline steps`` and ``hookline schema``: what there is to build YAML workflows of, for people and for editors."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from cli.terminal import Shown, call_each
from cli.test_yaml import CHURN, STEPS

Called = Callable[..., list[Shown]]

PLUGINS = """
from hookline import hookimpl

@hookimpl
def register_steps(register, settings):
    register("load", "lib:load", summary="Load rows.")
    register("train", "lib:train")
    register("pick", "lib:pick")
    register("fetch", "lib:fetch")
    register("spread", "lib:spread")
    register("gone", "lib:gone")
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "project"
    place.mkdir()
    (place / "pyproject.toml").touch()
    (place / "lib.py").write_text(STEPS)
    return place


@pytest.fixture
def called(folder: Path, tmp_path: Path) -> Called:
    def call(*lines: str) -> list[Shown]:
        return call_each([line.split() for line in lines], folder)

    return call


def test_steps_of_plugins_are_listed_without_importing_them(folder: Path, called: Called) -> None:
    """Also one whose module is gone."""
    (folder / "hookline_plugins.py").write_text(PLUGINS)
    (folder / "lib.py").unlink()
    listed, data = called("steps list", "steps list --json")

    assert [line.split("  ")[0] for line in listed.out.splitlines()] == [
        f"hookline_plugins.{name}" for name in ("fetch", "gone", "load", "pick", "spread", "train")
    ]
    assert "Load rows." in listed.out
    assert listed.err == "how one is used: hookline steps show hookline_plugins.fetch\n"
    assert json.loads(data.out)["steps"][2] == {
        "name": "hookline_plugins.load",
        "summary": "Load rows.",
        "source": "hookline_plugins.py",
    }


def test_without_plugins_the_list_says_how_own_steps_are_used(called: Called) -> None:
    """An empty list alone would look like a fault."""
    (listed,) = called("steps list")

    assert (listed.code, listed.out) == (0, "")
    assert listed.err == "no plugin brings steps; a step of your own is used by its module: module:name\n"


def test_a_step_is_shown_with_its_signature_its_text_its_options_and_its_yaml(called: Called) -> None:
    """By module and name; with ``--json`` as data."""
    shown, data = called("steps show lib:publish", "steps show lib:publish --json")

    assert shown.out == dedent(
        """\
        publish(scores: list[float], name: str) -> str
        of lib.py:51

        Send the scores.

        Args:
            scores: How good the models are.
            name: Whose they are.

        Options: cache=False

        In YAML, below 'steps:':

          publish:
            uses: lib:publish
            with:
              scores: ${{ params.scores }}  # list[float]
              name: ${{ params.name }}      # str
        """
    )
    assert json.loads(data.out)["options"] == {"cache": False}


def test_what_a_step_lets_out_stands_in_comments(called: Called) -> None:
    """So that the form can be pasted as it is."""
    pick, number = called("steps show lib:pick", "steps show lib:number")

    assert pick.out.endswith(
        "  pick:\n"
        "    uses: lib:pick\n"
        "    with:\n"
        "      kind: ${{ params.kind }}  # 'tree' | 'line'\n"
        "      # since: null             # date | None\n"
        "      # parts: []               # list[Path]\n"
    )
    assert number.out.endswith("  number:\n    uses: lib:number\n")


def test_the_form_of_a_step_makes_a_sound_workflow(folder: Path, called: Called) -> None:
    """Pasted below ``steps:``, with the parameters that it names."""
    (shown,) = called("steps show lib:train")
    form = shown.out.partition("'steps:':\n")[2]
    (folder / "flow.yaml").write_text(f"params: {{rows: [1], depth: 2}}\nsteps:\n{form}")
    (checked,) = called("check flow.yaml")

    assert (checked.code, checked.out) == (0, "flow is sound: 1 task of 1 step\n"), checked.err


@pytest.mark.parametrize(
    ("name", "code", "message"),
    [
        ("lib:trian", 2, "error: there is no step 'trian' in module 'lib'; did you mean 'train'?"),
        ("lib:plain", 3, "error: 'lib:plain' is no step"),
        ("bil:train", 2, "error: there is no module 'bil'"),
        ("os:system", 3, "error: 'os:system' is no step"),
        ("lib.train", 2, "error: no plugin has a step 'lib.train'"),
        ("hookline_plugins.laod", 2, "error: no plugin has a step 'hookline_plugins.laod'; did you mean"),
        (
            "hookline_plugins.gone",
            4,
            "error: the step 'hookline_plugins.gone' of hookline_plugins.py can't be imported",
        ),
    ],
)
def test_a_name_without_a_step_is_refused(name: str, code: int, message: str, folder: Path, called: Called) -> None:
    """With the nearest name, or how one is written; nothing that has the name is called."""
    (folder / "hookline_plugins.py").write_text(PLUGINS)
    (shown,) = called(f"steps show {name}")

    assert shown.err.startswith(message)
    assert shown.code == code


def test_a_workflow_uses_the_steps_of_plugins_by_name(folder: Path, called: Called) -> None:
    """And shares results with one that names the same function by its module."""
    (folder / "hookline_plugins.py").write_text(PLUGINS)
    for name, uses in (("own", "lib:train"), ("plugin", "hookline_plugins.train")):
        (folder / f"{name}.yaml").write_text(f"steps:\n  t: {{uses: '{uses}', with: {{rows: [1, 2], depth: 2}}}}\n")
    first, second = called("run own.yaml --json", "run plugin.yaml --json -x processes")

    assert (first.code, second.code) == (0, 0), second.err
    assert json.loads(second.out)["counts"] == {"reused": 1}


def test_settings_speak_of_a_plugins_step_by_the_name_that_the_file_uses(folder: Path, called: Called) -> None:
    """Whatever its function is called."""
    (folder / "hookline_plugins.py").write_text(PLUGINS)
    (folder / "flow.yaml").write_text(
        "steps:\n  t: {uses: hookline_plugins.train, with: {rows: [1, 2]}}\nreturns: ${{ steps.t }}\n"
    )
    (folder / "pyproject.toml").write_text('[tool.hookline.step."hookline_plugins.train"]\ndepth = 3\n')
    ran, changed = called("run flow.yaml --json", "run flow.yaml --json --set hookline_plugins.train.depth=4")

    assert (ran.code, changed.code) == (0, 0), ran.err + changed.err
    assert json.loads(ran.out)["result"] != json.loads(changed.out)["result"]


@pytest.fixture
def valid(folder: Path, called: Called) -> Callable[[str], list[str]]:
    """Tells what the schema has against a text."""
    (folder / "hookline_plugins.py").write_text(PLUGINS)
    shown, _ = called("schema", "schema --output schema.json")
    document: dict[str, Any] = json.loads(shown.out)
    assert json.loads((folder / "schema.json").read_text()) == document
    assert shown.err.startswith("without what 'hookline_plugins.gone' takes: ")
    Draft202012Validator.check_schema(document)
    validator = Draft202012Validator(document)

    def problems(text: str) -> list[str]:
        return [error.message for error in validator.iter_errors(yaml.safe_load(dedent(text)))]

    return problems


SOUND = {
    "the whole form": CHURN,
    "plain values": """
        steps:
          pick: {uses: hookline_plugins.pick, with: {kind: tree, since: '2026-01-31', parts: [a.csv, b.csv]}}
          load: {uses: hookline_plugins.load, with: {path: a.csv}, options: {retries: 2, timeout: 10m, tags: [a]}}
          fetch: {uses: hookline_plugins.fetch, with: {token: 'env:TOKEN'}}
          spread: {uses: hookline_plugins.spread, with: {a: 1, b: 2}}
        """,
    "references inside lists": """
        params: {first: {type: path}, rows: [1]}
        steps:
          pick: {uses: hookline_plugins.pick, with: {kind: tree, parts: ['${{ params.first }}', b.csv]}}
          train: {uses: hookline_plugins.train, with: {rows: '${{ params.rows }}'}, product: {depth: [1, 2]}}
        returns: ['${{ steps.pick }}']
        """,
}


def test_the_schema_takes_what_hookline_takes(folder: Path, called: Called, valid: Callable[[str], list[str]]) -> None:
    """Each of these files is sound for both."""
    for number, text in enumerate(SOUND.values()):
        (folder / f"flow_{number}.yaml").write_text(dedent(text))
        assert valid(text) == []
    shown = called(*(f"check flow_{number}.yaml" for number in range(len(SOUND))))

    params = "workflow 'flow_2': 'first' is missing"
    assert [one.code for one in shown] == [0, 0, 2]
    assert params in shown[2].err


def test_the_schema_takes_our_own_examples(valid: Callable[[str], list[str]]) -> None:
    """Those of the repository that need no plugin, and those in the how-to page."""
    root = Path(__file__).parents[2]
    texts = [file.read_text() for file in root.glob("examples/quickstart/*.yaml")]
    page = (root / "docs" / "how-to" / "yaml-workflows.md").read_text()
    texts.append(page.split("```yaml\n", 1)[1].split("```", 1)[0])

    assert len(texts) >= 2
    assert [valid(text) for text in texts] == [[]] * len(texts)


@pytest.mark.parametrize(
    "text",
    [
        "stpes: {}",
        "steps: {}",
        "steps: {a b: {uses: 'lib:number'}}",
        "steps: {a: {with: {}}}",
        "steps: {a: {uses: nothing.like_it}}",
        "steps: {a: {uses: 'lib:number', when: true}}",
        "steps: {a: {uses: 'lib:number', options: {retrise: 1}}}",
        "steps: {a: {uses: 'lib:number', map: {x: [1]}, product: {y: [1]}}}",
        "steps: {a: {uses: hookline_plugins.train, with: {rows: [1], deep: 1}}}",
        "steps: {a: {uses: hookline_plugins.train, with: {rows: [1]}}}",
        "steps: {a: {uses: hookline_plugins.train, with: {rows: [x], depth: 1}}}",
        "steps: {a: {uses: hookline_plugins.train, with: {rows: [1]}, map: {depth: 1}}}",
        "params: {a: {type: itn}}\nsteps: {a: {uses: 'lib:number'}}",
        "params: {a: {help: x}}\nsteps: {a: {uses: 'lib:number'}}",
    ],
)
def test_the_schema_refuses_what_hookline_refuses(text: str, valid: Callable[[str], list[str]]) -> None:
    """So that an editor underlines it while it is written."""
    assert valid(text)


def test_a_schema_that_can_not_be_written_is_reported(called: Called) -> None:
    """With the file and the reason."""
    (shown,) = called("schema --output missing/schema.json")

    assert shown.code == 2
    assert shown.err == (
        "error: the schema can't be written to 'missing/schema.json': no such file or directory\n"
        "help: give another file\n"
    )
