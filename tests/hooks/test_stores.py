"""Stores that plugins bring: named by a URL, opened by the driver, by workers, by programs and by commands."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import hookline
from forks import fork_hookline
from hookline import PluginError, Run, SqliteStore, Store, StoreMissingError, UsageError
from hookline.config import configure
from hookline.engine import api
from hookline.hooks.stores import open_configured
from hookline.testing import store_in_memory
from hookline.testing.command import CommandResult
from hookline.testing.contracts.stores import StoreContract
from hookline.worker.target import load_target
from hooks.ram_store import open_counted, open_ram
from hooks.site import Site

EXECUTORS = ("inline", "threads", "processes")
SCHEMES = ("ram", "counted")

PLUGIN = Path(__file__).with_name("ram_store.py").read_text()

FLOW = """
from hookline import attempt, step, workflow

@step
def load(path: str) -> list[int]:
    return [len(path), 1]

@step
def double(x: int) -> int:
    if x == 5:
        raise ValueError("five")
    return 2 * x

@step(cache=False)
def remember(found: list[int]) -> int:
    return attempt().records("acme").put("sum", "last", sum(found))

@workflow
def flow(path: str = "abc"):
    return remember(double.map(x=load(path)))
"""


@pytest.fixture
def ram(site: Site, tmp_path: Path) -> Iterator[Site]:
    """A project with the plugin, which keeps stores in memory."""
    site.install("ram", PLUGIN)
    with store_in_memory(tmp_path) as folder:
        folder.mkdir()
        site.settings(f'[tool.hookline.plugin.ram]\nfolder = "{folder}"')
        yield site


class TestContractOfRam(StoreContract):
    """A store that builds on hookline's own keeps what every store keeps."""

    def open_store(self, place: Path) -> Store:
        return open_ram(str(place.parent), f"ram://{place.name}", create=True, durability="full")


class TestContractOfCounted(StoreContract):
    """And so does one that hands on what it is asked for."""

    def open_store(self, place: Path) -> Store:
        return open_counted(str(place.parent), f"counted://{place.name}", create=True, durability="full")


def in_memory() -> Path:
    """The folder in which the plugin keeps its stores."""
    return Path(configure().plugin_settings("ram")["folder"])


def run(flow: str, url: str, executor: str = "threads", **params: object) -> Run:
    """Run the workflow of a file."""
    return hookline.run(load_target(flow).workflow, params, executor=executor, workers=2, store=url)


def cli(site: Site, *words: str) -> CommandResult:
    """Type a command in the project."""
    return fork_hookline(words, site.project)


def failure(site: Site, url: str) -> str:
    """What a run with this store is refused with."""
    with pytest.raises((UsageError, PluginError)) as caught:
        run(site.flow(), url)
    return str(caught.value)


@pytest.mark.parametrize("executor", EXECUTORS)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_run_is_recorded_in_the_store_of_a_url(ram: Site, scheme: str, executor: str) -> None:
    """Under every executor, with what steps put into records; and a second run reuses what the first recorded."""
    url, flow = f"{scheme}://churn", ram.flow(FLOW)
    first = run(flow, url, executor)
    assert first.result == 1
    assert not (ram.project / ".hookline").exists()
    assert (in_memory() / "churn" / "artifacts").is_dir()
    second = run(flow, url, executor)
    assert second.result == 2  # the record's next version
    assert second.counts == {"completed": 1, "reused": 3, "failed": 0, "skipped": 0}
    assert run(flow, f"{scheme}://other", executor).counts["reused"] == 0
    with hookline.open_store(url) as store:
        assert [found.id for found in store.runs()] == [second.id, first.id]
        record = store.records("acme").get("sum", "last")
        assert record is not None
        assert (record.value, record.version, record.run_id) == (8, 2, second.id)
        assert store.path == in_memory() / "churn"


def test_the_engine_asks_a_store_for_nothing_beyond_the_protocol(ram: Site) -> None:
    """A store that has nothing else is enough; workers ask it for records alone."""
    flow = ram.flow(FLOW)
    for _ in range(2):
        run(flow, "counted://churn", "processes")
    asked = (in_memory() / "asked").read_text().split()
    assert {"start_run", "lookup", "artifacts", "measured", "records", "close"} <= set(asked)
    assert asked.count("start_run") == 2


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_failed_run_in_such_a_store_is_resumed(ram: Site, scheme: str) -> None:
    """In the same store, by the same id, with today's code."""
    url, flow = f"{scheme}://churn", ram.flow(FLOW)
    failed = run(flow, url, path="abcde")
    assert failed.status == "failed"
    Path(flow).write_text(FLOW.replace("if x == 5", "if x == 99"))
    resumed = cli(ram, "resume", "last", "--store", url, "--json")
    assert resumed.code == 0, resumed.err
    told = json.loads(resumed.out.splitlines()[-1])
    assert (told["run"], told["store"]) == (failed.id, url)
    with hookline.open_store(url) as store:
        assert store.run(failed.id).result == 1


@pytest.mark.parametrize("scheme", SCHEMES)
def test_events_are_replayed_from_such_a_store(ram: Site, scheme: str) -> None:
    """The same as from a folder; each tells the URL, with which a plugin opens the store."""
    url, flow = f"{scheme}://churn", ram.flow(FLOW)
    run(flow, url)
    with hookline.open_store(url) as store:
        events = list(store.events())
        assert {event.store for event in events} == {url}
        assert list(store.events(after=store.cursor)) == []
    run(flow, ".hookline")
    with hookline.open_store(".hookline") as store:
        assert sorted((event.hook, getattr(event, "task_id", "")) for event in store.events()) == sorted(
            (event.hook, getattr(event, "task_id", "")) for event in events
        )


@pytest.mark.parametrize("scheme", SCHEMES)
def test_commands_read_such_a_store(ram: Site, scheme: str) -> None:
    """Named by --store, HOOKLINE_STORE or the project's file."""
    url = f"{scheme}://churn"
    found = run(ram.flow(FLOW), url)
    ram.settings(f'[tool.hookline]\nstore = "{url}"\n[tool.hookline.plugin.ram]\nfolder = "{in_memory()}"')
    for words, said in (
        (("runs", "list"), found.id),
        (("runs", "show"), "double"),
        (("runs", "logs"), ""),
        (("why", "double[0]"), "ran: first run"),
        (("doctor",), f"'{url}', 1 run"),
        (("config", "show"), url),
        (("artifacts", "list", "last"), "parameter path"),
        (("artifacts", "list", "last", "double:1"), "double[1]"),
        (("artifacts", "get", "double:1", "-o", "two"), ""),
    ):
        done = cli(ram, *words)
        assert done.code == 0, done.err
        assert said in done.out
    planned = api.plan(load_target(ram.flow(FLOW)).workflow)
    assert [task.verdict.name for task in planned][:2] == ["REUSE", "REUSE"]


def test_housekeeping_works_where_a_store_builds_on_ours(ram: Site) -> None:
    """Such a store is hookline's own journal, wherever the plugin keeps it."""
    run(ram.flow(FLOW), "ram://churn")
    for words, said in (
        (("artifacts", "list", "last"), "artifacts"),
        (("artifacts", "verify"), "all whole"),
        (("artifacts", "gc"), ""),
        (("store", "info"), str(in_memory())),
        (("runs", "delete", "last", "--yes"), "deleted 1 run"),
    ):
        done = cli(ram, *words, "--store", "ram://churn")
        assert done.code == 0, done.err
        assert said in done.out + done.err


@pytest.mark.parametrize(
    "words",
    [
        ("artifacts", "list"),
        ("artifacts", "show", "ab"),
        ("artifacts", "get", "DIGEST", "-o", "out"),
        ("artifacts", "verify"),
        ("artifacts", "gc"),
        ("runs", "delete", "last", "--yes"),
        ("store", "info"),
    ],
    ids=" ".join,
)
def test_a_store_of_another_kind_says_what_it_does_not_offer(ram: Site, words: tuple[str, ...]) -> None:
    """What is about hookline's own journal has no meaning there."""
    run(ram.flow(FLOW), "counted://churn")
    words_given = ["abcdef0123" if word == "DIGEST" else word for word in words]
    done = cli(ram, *words_given, "--store", "counted://churn")
    assert done.code == 2
    command = f"hookline {' '.join(words[: 3 if 'DIGEST' in words else 2])}"
    assert done.err == (
        f"error: the store 'counted://churn' does not offer '{command}': it is a Counted, and its journal is not"
        " hookline's own\nhelp: the plugin that brings it can have commands of its own: hookline plugins list\n"
    )


def test_the_files_of_a_url_are_upgraded_by_their_folder(ram: Site) -> None:
    """A store of an old format can't be opened, and a URL does not tell where its files are."""
    done = cli(ram, "store", "upgrade", "--store", "ram://churn")
    assert done.code == 2
    assert done.err == (
        "error: 'ram://churn' is no folder, and 'hookline store upgrade' is about the files of one\n"
        "help: if the plugin that brings it keeps hookline's own journal, name its folder: --store PATH\n"
    )


def test_a_run_in_such_a_store_can_be_stopped(ram: Site) -> None:
    """A run whose driver is dead is recorded as cancelled at once."""
    url = "counted://churn"
    with open_configured(configure(store=url), create=True) as store:
        from hookline.store.rows import NewRun

        store.start_run(NewRun("flow", "{}")).close()
    assert hookline.open_store(url).run().status == "interrupted"
    assert api.cancel(store=url).status == "cancelled"


def test_a_store_that_is_not_there_is_not_made_by_looking(ram: Site) -> None:
    """Neither by those who read it, nor by a plan."""
    with pytest.raises(StoreMissingError, match="there is no store at"):
        hookline.open_store("ram://none")
    api.plan(load_target(ram.flow(FLOW)).workflow, store="ram://none")
    assert not (in_memory() / "none").exists()


def test_durability_reaches_the_factory(ram: Site) -> None:
    """With the rest of what a folder would be opened with."""
    opened = open_configured(configure(store="ram://churn", durability="fast"), create=True)
    assert isinstance(opened, SqliteStore)
    assert (opened.durability, opened.address) == ("fast", "ram://churn")


def test_schemes_are_read_in_small_letters(ram: Site) -> None:
    """As in every URL."""
    assert run(ram.flow(), "RAM://churn").result == 6


@pytest.mark.parametrize("name", ["./ram://churn", "c://x", "ram:/churn", "ram:churn", "1a://b"])
def test_whatever_is_no_url_is_a_path(ram: Site, name: str) -> None:
    """One letter is a drive, and ./ in front makes a path of anything."""
    assert run(ram.flow(), name).result == 6
    assert hookline.open_store(name).path == ram.project / name
    assert (ram.project / name / "artifacts").is_dir()


# -- what is wrong ---------------------------------------------------------------------------------------------------


def test_an_unknown_scheme_is_told_with_what_there_is(ram: Site) -> None:
    """And with what is near."""
    assert failure(ram, "rem://churn") == (
        "no plugin brings the store 'rem://churn': there is no scheme 'rem'; did you mean 'ram'?\n"
        "help: use counted://, ram://; or install the plugin that brings 'rem', or give the path of a folder"
    )


def test_without_plugins_there_is_no_scheme(site: Site) -> None:
    """A password in a URL is left out of what is said."""
    assert failure(site, "postgres://me:secret@host/db") == (
        "no plugin brings the store 'postgres://me:…@host/db': there is no scheme 'postgres'\n"
        "help: install the plugin that brings 'postgres', or give the path of a folder"
    )


def test_an_unknown_scheme_in_the_settings_is_told_with_its_place(site: Site) -> None:
    """A file may be far away."""
    site.settings('[tool.hookline]\nstore = "team://churn"')
    done = cli(site, "runs", "list")
    assert done.code == 2
    assert done.err.startswith(
        "error: pyproject.toml:2: no plugin brings the store 'team://churn': there is no scheme 'team'\n"
    )


def test_a_factory_that_fails_is_told_with_its_plugin(site: Site) -> None:
    """What it raised is its own."""
    site.install(
        "bad",
        """
        @hookimpl
        def register_stores(register):
            register("bad", open_bad)

        def open_bad(url, *, create, durability):
            raise ConnectionError("nobody listens")
        """,
    )
    assert failure(site, "bad://churn") == (
        "the store 'bad://churn' (acme-bad 1.0) can't be opened: ConnectionError: nobody listens\n"
        "help: the error is the plugin's own; its authors can tell more"
    )


def test_a_factory_that_gives_something_else_is_told(site: Site) -> None:
    """What is no store, and a store that would not be found again by its URL."""
    site.install(
        "bad",
        """
        from hookline import SqliteStore

        @hookimpl
        def register_stores(register):
            register("none", lambda url, *, create, durability: None)
            register("flat", open_flat)
            register("lost", lambda url, *, create, durability: SqliteStore.open("lost", create=create))

        def open_flat(url, *, create, durability):
            store = SqliteStore.open("flat", create=create, address=url)
            store.path = "flat"
            return store
        """,
    )
    remedy = "help: give what keeps hookline.Store: its 'address' is the URL, its 'path' the path of a folder"
    assert failure(site, "none://churn") == (
        f"the factory of stores 'none://' (acme-bad 1.0) was asked for 'none://churn', and gave a NoneType\n{remedy}"
    )
    assert failure(site, "flat://churn") == (
        "the factory of stores 'flat://' (acme-bad 1.0) was asked for 'flat://churn', and gave one with the path 'flat'"
        f"\n{remedy}"
    )
    assert failure(site, "lost://churn") == (
        "the factory of stores 'lost://' (acme-bad 1.0) was asked for 'lost://churn', and gave one with the address"
        f" '{site.project / 'lost'}'\n{remedy}"
    )


def test_a_scheme_whose_plugin_was_left_out_is_told_with_it(ram: Site) -> None:
    """Installing it would not help."""
    with pytest.raises(UsageError) as caught:
        hookline.run(load_target(ram.flow()).workflow, store="ram://churn", without=["ram"])
    assert caught.value.help == (
        "install the plugin that brings 'ram', or give the path of a folder; left out are 'ram', which --without"
        " leaves out"
    )


def test_a_name_that_is_no_scheme_is_refused(site: Site) -> None:
    """Nobody could write a URL with it."""
    site.install("bad", "@hookimpl\ndef register_stores(register):\n    register('Big', 'a:b')")
    with pytest.raises(PluginError) as caught:
        site.load()
    assert str(caught.value) == (
        "the plugin 'bad' (acme-bad 1.0) registers a store as 'Big', which is no scheme of a URL\n"
        "help: use small letters, digits, '-' and '.', at least two, beginning with a letter"
    )


def test_a_scheme_that_two_plugins_bring_is_refused(site: Site) -> None:
    """Naming both."""
    for name in ("one", "two"):
        site.install(name, "@hookimpl\ndef register_stores(register):\n    register('team', 'a:b')")
    with pytest.raises(
        PluginError, match=r"the store 'team' is registered twice: by acme-one 1\.0 and by acme-two 1\.0"
    ):
        site.load()
