"""Contracts as they stand in settings: what is wrong is told before anything runs, all of it, with its place."""

from __future__ import annotations

import pytest

import hookline
from hookline import UsageError
from hookline_data.sources.contracts.contract import Contract
from hookline_data.sources.contracts.declared import find_contract, read_contract

SOUND = """
[tool.hookline.source.customers]
uri = "data/customers.csv"
key = ["id"]
event_time = "at"
personal = ["name"]
freshness = "1d 12h"
owner = "growth"

[tool.hookline.source.customers.schema.columns]
id = "int"
name = "str"
at = "datetime"

[tool.hookline.env.prod.source.customers]
uri = "s3.parquet"
owner = "ops"
"""


def read(project, toml, name="s", env=None):
    project.settings(toml)
    return read_contract(name, hookline.project(project.folder, env=env))


def problems(project, lines):
    """The problems of a source ``s`` with these lines, the first of which stands in line 2."""
    contract, found = read(project, "[tool.hookline.source.s]\n" + "\n".join(lines) + "\n")
    assert (contract is None) == bool(found)
    return [text.partition("the source 's' ")[2] for text in found]


def test_a_contract_is_read_from_the_settings_and_an_environment_changes_it(project):
    """Tables of environments are laid over it, key by key."""
    contract, _ = read(project, SOUND, "customers")
    assert contract is not None
    assert (contract.format, contract.key, contract.freshness, contract.owner) == ("csv", ("id",), 129600, "growth")
    assert contract.where.endswith("pyproject.toml:2")
    assert contract.columns.keys == ("id",)
    assert contract.columns.event_time == "at"
    assert [column.name for column in contract.columns.columns if column.personal] == ["name"]
    other, _ = read(project, SOUND, "customers", env="prod")
    assert (other.format, other.owner, other.key) == ("parquet", "ops", ("id",))


def test_a_contract_as_an_argument_says_nothing_that_does_not_concern_the_data(project):
    """Another owner is no reason to load anew; another mode is."""
    contract, _ = read(project, SOUND, "customers")
    other, _ = read(project, SOUND.replace("growth", "sales"), "customers")
    strict, _ = read(project, SOUND.replace('owner = "growth"', 'mode = "warn"'), "customers")
    assert contract.as_argument() == other.as_argument() != strict.as_argument()
    assert Contract.from_argument(contract.as_argument()) == contract


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (["path = 'a.csv'"], ["has no key 'path'", "has no 'uri'"]),
        (["uri = 'a.csv'", "formt = 'csv'"], ["has no key 'formt'; did you mean 'format'?"]),
        (["uri = 'a.csv'", "mode = 'drop'", "max_bad = 2"], ["takes fail, warn or quarantine", "takes a share"]),
        (["uri = 'a.csv'", "freshness = 'soon'"], ["takes a length of time"]),
        (["uri = 'a.csv'", "encoding = 'klingon'"], ["takes the name of an encoding"]),
        (["uri = 'data/{day.csv'"], ["has a brace that is not part of a {key}"]),
        (["uri = 'data/x'"], ["does not tell its format"]),
        (["uri = 'a.parquet'", "separator = ';'"], ["which only CSV has, but is parquet"]),
        (["uri = 'a.csv'", "decimal = ','"], ["between cells and in numbers, too"]),
        (["uri = 'a.csv'", "snapshot = 'v1'"], ["its files count by what is in them"]),
        (["uri = 'a.csv'", "stale = 'fail'"], ["has no 'freshness'"]),
        (["uri = 'sqlite:///a.db'", "table = 't'", "version_query = 'SELECT :day'"], ["has ':day' in its"]),
        (["uri = 'sqlite:///a.db'"], ["neither a 'query' nor a 'table'"]),
        (["uri = 'sqlite:///a.db'", "query = 'SELECT 1'", "table = 't'"], ["both a 'query' and a 'table'"]),
        (["uri = 'a.db'", "table = 't'"], ["no URL of a database"]),
        (["uri = 'https://u:pw@h/a.csv'"], ["has a password in its 'uri'"]),
        (["uri = 'postgresql://h/d?user=u&password=pw'", "table = 't'"], ["has a password in its 'uri'"]),
        (["uri = 'data/{1}.csv'"], ["has a key '1', which does not begin with a letter"]),
        (["uri = 'vault:x/y'", "format = 'sql'", "table = 't'"], ["neither a path nor a URL"]),
        (
            ["uri = 'a/{day}.csv'", "key = 'idd'", "event_time = 'n'", "schema.columns = {id = 'int', n = 'int'}"],
            ["'idd' as 'key', which its schema lacks; did you mean 'id'?", "no time but 'int'"],
        ),
        (["uri = 'a/{id}.csv'", "schema.columns = {id = 'float'}"], ["tells partitions apart by 'id'"]),
        (["uri = 'a.csv'", "key = 'id'", "schema.columns = {id = {type = 'int', nullable = true}}"], ["be missing"]),
        (["uri = 'a.csv'", "schema.columns = {id = 'list'}"], ["can't hold the column 'id' of type 'list'"]),
        (["uri = 'a.csv'", "schema.columns = {id = 'itn'}"], ["unknown type 'itn'"]),
        (["uri = 'a.csv'", "schema = 'gone.yaml'"], ["there is no such file"]),
    ],
)
def test_what_is_wrong_with_a_contract_is_told_all_at_once(project, lines, told):
    """Unknown keys, values of the wrong kind, and what contradicts itself."""
    found = problems(project, lines)
    assert len(found) == len(told), found
    for wanted, text in zip(told, found, strict=True):
        assert wanted in text


def test_problems_have_the_line_of_the_settings(project):
    """So that an editor can go there."""
    _, found = read(project, "[tool.hookline.source.s]\nuri = 'a.csv'\nmode = 'x'\nowner = 3\n")
    assert [text.rpartition(": the source")[0].rpartition(":")[2] for text in found] == ["3", "4"]


def test_a_source_that_there_is_not_is_told_with_those_that_there_are(project):
    """With the nearest name."""
    project.settings(SOUND)
    with pytest.raises(UsageError, match="no source 'custmers'; did you mean 'customers'"):
        find_contract("custmers", hookline.project(project.folder))
    project.settings("")
    with pytest.raises(UsageError, match=r"\[tool.hookline.source.custmers\]"):
        find_contract("custmers", hookline.project(project.folder))
