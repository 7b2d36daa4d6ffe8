"""Parameters from options, pairs and files."""

from __future__ import annotations

from pathlib import Path

import pytest

from hookline.cli.parameters import gather_parameters, read_pairs, read_parameter_file
from hookline.errors import UsageError


def test_pairs_are_texts_and_repeated_ones_lists():
    """``-p`` gives text as it stands; a name that comes again gives a list; dashes are underscores."""
    assert read_pairs(["depth=3", "path=a=b", "depth=5", "learning-rate=0.1"]) == {
        "depth": ["3", "5"],
        "path": "a=b",
        "learning_rate": "0.1",
    }


@pytest.mark.parametrize("pair", ["depth", "=3", " "])
def test_a_pair_without_a_name_or_value_is_refused(pair: str):
    """What is no pair is named in the message."""
    with pytest.raises(UsageError, match="-p takes name=value, not"):
        read_pairs([pair])


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.yaml", "depths: [3, 5]\npath: x.csv\n"),
        ("a.json", '{"depths": [3, 5], "path": "x.csv"}'),
        ("a.toml", 'depths = [3, 5]\npath = "x.csv"\n'),
        ("a.YML", "depths: [3, 5]\npath: x.csv\n"),
    ],
)
def test_files_keep_their_types(tmp_path: Path, name: str, text: str):
    """YAML, JSON and TOML give the same values."""
    file = tmp_path / name
    file.write_text(text)
    assert read_parameter_file(file) == {"depths": [3, 5], "path": "x.csv"}


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.json", "{", "is not valid JSON"),
        ("a.yaml", "a: [1", "is not valid YAML"),
        ("a.yaml", "!!python/object/apply:os.getcwd []", "is not valid YAML"),
        ("a.toml", "a =", "is not valid TOML"),
        ("a.yaml", "- 1\n", "holds no mapping"),
        ("a.txt", "a", "is of no known kind"),
        ("a.json", b"\xff\xfe", "is not UTF-8"),
    ],
)
def test_a_file_that_is_no_mapping_is_refused(tmp_path: Path, name: str, text: str | bytes, message: str):
    """What is wrong with a parameter file is said with its name; nothing in it is evaluated."""
    file = tmp_path / name
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(UsageError, match=message) as caught:
        read_parameter_file(file)
    assert str(file) in caught.value.message


def test_an_empty_file_gives_nothing(tmp_path: Path):
    """A YAML file with only comments sets no parameter."""
    (tmp_path / "a.yaml").write_text("# nothing yet\n")
    assert read_parameter_file(tmp_path / "a.yaml") == {}


def test_a_missing_file_names_the_near_one(tmp_path: Path):
    """A misspelt file name is answered with the file that is there."""
    (tmp_path / "params.yaml").write_text("a: 1")
    with pytest.raises(UsageError, match=r"can't be read: no such file or directory; did you mean 'params.yaml'\?"):
        read_parameter_file(tmp_path / "parms.yaml")


def test_options_come_before_the_file(tmp_path: Path):
    """What is given on the command line wins over the file."""
    (tmp_path / "a.json").write_text('{"depth": 3, "path": "x"}')
    texts, typed = gather_parameters({"depth": "5"}, ["seed=1"], tmp_path / "a.json")
    assert texts == {"depth": "5", "seed": "1"}
    assert typed == {"path": "x"}


def test_a_parameter_is_given_in_one_way():
    """The same parameter as an option and with -p is a mistake."""
    with pytest.raises(UsageError, match="'depth' was given twice"):
        gather_parameters({"depth": "5"}, ["depth=3"], None)
