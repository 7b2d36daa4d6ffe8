"""What becomes of attempts: retries, losses, timeouts, exits, results that can't be, and what steps note."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.project import Project
from hookline.errors import RunFailedError, WorkflowError
from hookline.model.events import Event, TaskRetrying
from hookline.model.states import Kind
from hookline.store import unpack_outputs
from hookline.values.encode import decode

Make = Callable[[str], Project]

ONE = """
@step({options})
def work(x: int = 0){returns}:
    note(attempt().number)
    {body}

@workflow
def flow():
    return work()
"""


def one(project: Make, body: str, options: str = "", returns: str = "") -> Project:
    """A project of one step."""
    return project(ONE.format(options=options, body=body.replace("\n", "\n    "), returns=returns))


def test_a_step_is_retried_as_often_as_it_says(project: Make) -> None:
    """Retries follow failures up to the budget; a success ends them; each attempt is recorded."""
    flow = one(project, "if attempt().number < 3: raise ValueError('early')\nreturn 7", "retries=2, retry_delay=0.01")
    run = flow.run()
    assert run.result == 7
    assert flow.executions() == ["1", "2", "3"]
    assert [row.kind for row in flow.attempts(run)] == [Kind.FAILED, Kind.FAILED, Kind.COMPLETED]
    assert flow.run().counts["reused"] == 1


def test_only_what_retry_on_names_is_retried(project: Make) -> None:
    """Other exceptions end the task at once; the user's own classes count, on processes too."""
    code = """
    class Flaky(Exception): ...

    @step(retries=3, retry_on=Flaky)
    def work(x: int) -> int:
        note(f"{x} {attempt().number}")
        if x == 0 or attempt().number < 2:
            raise ValueError("hard") if x == 0 else Flaky("soft")
        return x

    @workflow
    def flow():
        return work.map(x=[0, 1])
    """
    flow = project(code)
    for executor in ("threads", "processes"):
        run = flow.run(executor, fresh=True)
        assert sorted(flow.executions()) == ["0 1", "1 1", "1 2"]
        assert run.counts["failed"] == run.counts["completed"] == 1


def test_the_idempotency_key_is_the_same_in_all_attempts(project: Make) -> None:
    """Attempts of one task share the key, another run has another one; numbers differ."""
    flow = one(project, "note(attempt().idempotency_key)\nraise ValueError('no')", "retries=1")
    flow.run()
    flow.run()
    lines = flow.executions()
    first, again, other, other_again = lines[1::2]
    assert first == again != other == other_again
    assert lines[::2] == ["1", "2", "1", "2"]


@pytest.mark.parametrize("executor", ["inline", "threads", "processes"])
@pytest.mark.parametrize("status", ["0", "1", "'bye'"])
def test_sys_exit_in_a_step_fails_that_task_and_nothing_else(project: Make, executor: str, status: str) -> None:
    """Whatever the status, it is no success, is not retried, and does not end the driver."""
    run = one(project, f"sys.exit({status})", "retries=2").run(executor)
    assert run.status == "failed"
    assert "sys.exit" in run.tasks["work"].error
    assert run.tasks["work"].attempts == 1


LOSSES = """
@step
def work(x: int) -> int:
    note(f"{{x}} {{attempt().number}}")
    if x == 3:
        {death}
    return x

@workflow
def flow():
    return completed(work.map(x=range(8)))
"""


@pytest.mark.parametrize("death", ["os._exit(0)", "os._exit(3)", "os.kill(os.getpid(), 9)"])
def test_a_task_that_ends_its_worker_is_tried_three_times_and_takes_no_other_along(project: Make, death: str) -> None:
    """Lost workers have a budget of their own; a clean exit is no success; all other items complete."""
    flow = project(LOSSES.format(death=death))
    run = flow.run("processes")
    assert run.status == "failed"
    assert run.tasks["work"].counts == {"completed": 7, "crashed": 1}
    assert [line for line in flow.executions() if line.startswith("3")] == ["3 1", "3 2", "3 3"]
    rows = [row for row in flow.attempts(run) if row.kind == Kind.CRASHED]
    assert [(row.item, row.attempt) for row in rows] == [(3, 1), (3, 2), (3, 3)]


def test_of_a_large_batch_only_the_task_that_ran_is_blamed(project: Make) -> None:
    """Quick tasks travel together; those before the fatal one, whose end nobody heard of, are no crashes."""
    flow = project(LOSSES.format(death="os._exit(1)").replace("x == 3", "x == 150").replace("range(8)", "range(400)"))
    run = flow.run("processes")
    assert run.tasks["work"].counts == {"completed": 399, "crashed": 1}
    assert {row.item for row in flow.attempts(run) if row.kind == Kind.CRASHED} == {150}


def test_a_worker_that_is_lost_once_costs_one_attempt(project: Make) -> None:
    """After the loss the same task completes in another worker; who looks on is told how many attempts there may be."""
    flow = one(project, "if attempt().number == 1: os.kill(os.getpid(), 9)\nreturn 5")
    events: list[Event] = []
    run = flow.run("processes", observers=[events.append])
    assert run.result == 5
    assert [(event.number, event.of) for event in events if isinstance(event, TaskRetrying)] == [(1, 3)]
    assert [row.kind for row in flow.attempts(run)] == [Kind.CRASHED, Kind.COMPLETED]


def test_a_step_with_a_timeout_goes_to_a_process_and_is_ended_there(project: Make) -> None:
    """In a run on threads too, and its children with it; the state is timed_out, retries count."""
    flow = one(project, "note(os.getpid())\ntime.sleep(60)", "timeout=0.3, retries=1")
    run = flow.run("threads")
    assert run.status == "failed"
    assert run.tasks["work"].state == "timed_out"
    lines = flow.executions()
    assert lines[::2] == ["1", "2"]
    import os

    assert str(os.getpid()) not in lines
    for pid in lines[1::2]:
        with pytest.raises(ProcessLookupError):
            os.kill(int(pid), 0)


def test_fail_fast_ends_the_run_at_the_first_failure(project: Make) -> None:
    """What has not started is cancelled; without it, what does not depend on the failure goes on."""
    code = """
    @step
    def work(x: int) -> int:
        note(x)
        if x == 0:
            raise ValueError("no")
        return x

    @workflow
    def flow():
        return work.map(x=range(50))
    """
    flow = project(code)
    run = flow.run("inline", fail_fast=True)
    assert run.status == "failed"
    assert len(flow.executions()) < 50
    assert run.counts["cancelled"] > 0
    assert flow.run("inline", fail_fast=False).counts["completed"] == 49


def test_fail_fast_hands_nothing_ahead_of_which_nothing_is_known(project: Make) -> None:
    """That others are quick makes no step quick that was never measured: it could begin after the failure."""
    flow = project(
        """
@step
def quick(x: int) -> int:
    return x

@step
def fail(x: int) -> int:
    time.sleep(0.2)
    raise ValueError("no")

@step(cache=False)
def charge(x: int) -> int:
    note("charged")
    return x

@workflow
def flow():
    begun = quick(1)
    return fail(begun), charge(begun)
"""
    )
    run = flow.run("threads", workers=1, fail_fast=True)
    assert run.tasks["fail"].state == "failed"
    assert run.counts["cancelled"] == 1
    assert len(flow.attempts(run)) == 2  # none for what would have been handed ahead, and been cancelled
    assert flow.executions() == []


@pytest.mark.parametrize("executor", ["inline", "processes"])
def test_a_result_of_another_type_than_declared_fails_the_task(project: Make, executor: str) -> None:
    """Nothing is converted, except that an int passes for a float."""
    run = one(project, "return '7'", returns=" -> int").run(executor)
    assert "returned a str where 'int' is declared" in run.tasks["work"].error


def test_an_int_passes_for_a_float(project: Make) -> None:
    """It stays the int that it is."""
    assert type(one(project, "return 7", returns=" -> float").run().result) is int


def test_what_cannot_be_stored_fails_with_a_remedy(project: Make) -> None:
    """A result that no serializer takes names its type and what to do."""
    run = one(project, "return (i for i in ())").run()
    assert "can't be stored" in run.tasks["work"].error
    assert "help:" in run.tasks["work"].error


def test_an_argument_that_cannot_be_stored_is_told_before_the_run(project: Make) -> None:
    """Nothing is run, and the message names task and argument."""
    flow = project(
        """
        class Never:
            def __reduce_ex__(self, protocol):
                raise TypeError("never stored")

        @step
        def work(x) -> int:
            note("ran")
            return 1

        @workflow
        def flow():
            return work(Never())
        """
    )
    with pytest.raises(WorkflowError, match=r"argument 'x' of task 'work'"):
        flow.run()
    assert flow.executions() == []


@pytest.mark.parametrize("executor", ["inline", "threads", "processes"])
def test_results_of_every_size_arrive_whole(project: Make, executor: str) -> None:
    """In the row, in a pack and in a file of its own; alone, in slots and in a list of many."""
    flow = project(
        """
        SIZES = [10, 5_000, 300_000, 3_000_000]

        @step
        def make(size: int) -> bytes:
            return bytes(range(256)) * (size // 256) + b"x" * (size % 256)

        @step
        def two(size: int) -> tuple[bytes, bytearray]:
            return b"a" * size, bytearray(b"b" * size)

        @step
        def check(all: list[bytes], a: bytes, b: bytearray) -> list[int]:
            b[0] = 0
            assert a[:1] == b"a"
            return [len(one) for one in all] + [len(a), len(b)]

        @workflow
        def flow():
            a, b = two(2_000_000)
            return check(make.map(size=SIZES), a, b)
        """
    )
    sizes = [10, 5_000, 300_000, 3_000_000, 2_000_000, 2_000_000]
    assert flow.run(executor).result == sizes
    assert flow.run("inline").counts["reused"] == 6


FILES = """
@step
def write(text: str) -> Path:
    path = attempt().folder / "out.txt"
    path.write_text(text)
    return path

@step
def folder(text: str) -> Path:
    place = attempt().folder / "many"
    (place / "sub").mkdir(parents=True)
    (place / "a.txt").write_text(text)
    (place / "sub" / "b.txt").write_text(text * 2)
    return place

@step
def nested(text: str) -> dict:
    path = attempt().folder / "deep.txt"
    path.write_text(text)
    return {{"in": [1, (path, "text")]}}

@step
def read(file: Path, place: Path, deep: dict, given: Path) -> list[str]:
    note("read")
    inner = deep["in"][1][0]
    texts = [file.read_text(), (place / "a.txt").read_text(), (place / "sub" / "b.txt").read_text(), inner.read_text()]
    file.write_text("spoilt")
    inner.write_text("spoilt")
    return [*texts, file.name, place.name, given.read_text()]

@workflow
def flow(given: Path = HERE / "given.txt", text: str = "t"):
    file, place, deep = write(text), folder(text), nested(text)
    return read(file, place, deep, given), read.options(version="2")(file, place, deep, given), file
"""


@pytest.mark.parametrize("executor", ["threads", "processes"])
def test_files_travel_by_content_and_name(project: Make, executor: str) -> None:
    """A consumer gets a copy of a file, folder or nested file; what it does to it reaches nobody else."""
    flow = project(FILES.replace("{{", "{").replace("}}", "}"))
    given = flow.folder / "given.txt"
    given.write_text("given")
    run = flow.run(executor)
    first, second, file = run.result
    assert first == second == ["t", "t", "tt", "t", "out.txt", "many", "given"]
    assert (file.name, file.read_text()) == ("out.txt", "t")
    flow.executions()
    # The same content elsewhere is the same argument; other content is another.
    moved = flow.folder / "elsewhere"
    moved.mkdir()
    (moved / "given.txt").write_text("given")
    assert flow.run(executor, given=moved / "given.txt").counts["completed"] == 0
    given.write_text("other")
    assert flow.run(executor).counts["completed"] == 2


CONTAINERS = """
@dataclass
class Settings:
    path: Path

@step
def read(settings) -> str:
    note("read")
    paths = settings if isinstance(settings, (set, frozenset, dict)) else [settings.path]
    return "".join(path.read_text() for path in paths)

@workflow
def flow():
    path = HERE / "data.txt"
    return [read({{path}}), read({{path: 1}}), read(Settings(path)), read(frozenset([path]))]
"""


def test_the_content_of_a_file_counts_wherever_its_path_stands_in_an_argument(project: Make) -> None:
    """In sets, as keys of dicts and in objects, too: an edited file is never taken for the old one."""
    flow = project(CONTAINERS.replace("{{", "{").replace("}}", "}"))
    data = flow.folder / "data.txt"
    data.write_text("one")
    assert flow.run().result == ["one"] * 4
    assert flow.run().counts["completed"] == 0
    data.write_text("two")
    assert flow.run().result == ["two"] * 4


def test_a_file_that_changes_while_it_is_read_is_recorded_and_not_reused(project: Make) -> None:
    """The result stands in this run only."""
    flow = project(
        """
        @step
        def read(path: Path) -> str:
            note("read")
            text = path.read_text()
            if text == "one":
                path.write_text("three")
            return text

        @workflow
        def flow(path: Path = HERE / "data.txt"):
            return read(path)
        """
    )
    data = flow.folder / "data.txt"
    data.write_text("one")
    run = flow.run()
    assert run.result == "one"
    assert [row.kind for row in flow.attempts(run)] == [Kind.COMPLETED_ONCE]
    data.write_text("one")
    assert flow.run().counts["reused"] == 0


def test_notes_are_recorded_with_the_attempt_that_made_them(project: Make) -> None:
    """Metrics, parameters and artifacts, of failed attempts too; an artifact is what it was when it was logged."""
    flow = one(
        project,
        "rows = [1]\n"
        "log_metric('loss', 0.5, step=1); log_metric('loss', 0.25, step=2); log_params({'depth': 3})\n"
        "log_artifact('rows', rows); rows.append(2)\n"
        "path = attempt().folder / 'plot.txt'; path.write_text('first'); log_artifact('plot', path)\n"
        "path.write_text('second')\n"
        "attempt().note('host', 'here')\n"
        "if attempt().number == 1: raise ValueError('no')\nreturn 1",
        "retries=1",
    )
    run = flow.run()
    assert run.status == "completed"
    with flow.store() as store:
        notes = [note for note in store.notes(run.id) if note.attempt == 1]
        assert [(note.kind, note.name, note.value, note.step) for note in notes if note.kind != "artifact"] == [
            ("metric", "loss", "0.5", 1),
            ("metric", "loss", "0.25", 2),
            ("param", "depth", "3", None),
            ("note", "host", '"here"', None),
        ]
        rows, plot = [note for note in notes if note.kind == "artifact"]
        assert decode(unpack_outputs(rows.outputs)[0].data) == [1]
        (file,) = unpack_outputs(plot.outputs)[0].files
        assert bytes(store.artifacts.read(file)) == b"first"
        assert len([note for note in store.notes(run.id) if note.attempt == 2]) == len(notes)


def test_seeds_are_the_same_on_every_executor_and_follow_the_runs_seed(project: Make) -> None:
    """The seed depends on the run's seed, the step's name and the other arguments; it is in the key."""
    flow = project(
        """
        @step
        def draw(x: int, seed: Seed = Seed(0)) -> int:
            assert attempt().seed == seed
            return seed

        @step
        def other(x: int, seed: Seed = Seed(0)) -> int:
            return seed

        @workflow
        def flow():
            return draw.map(x=range(3)), other(0)
        """
    )
    runs = [flow.run(executor, fresh=True).result for executor in ("inline", "threads", "processes")]
    assert runs[0] == runs[1] == runs[2]
    seeds, single = runs[0]
    assert len({*seeds, single}) == 4
    assert flow.run().counts["completed"] == 0
    again = flow.run(seed=1)
    assert again.counts["completed"] == 4
    assert not {*again.result[0]} & {*seeds}


def test_declared_environment_and_version_are_inputs(project: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another value of a named variable, or another version, makes the step run."""
    flow = one(project, "return os.environ.get('MINE')", "env=('MINE',), version='1'")
    monkeypatch.setenv("MINE", "a")
    assert flow.run().result == "a"
    monkeypatch.setenv("MINE", "b")
    assert flow.run().result == "b"
    monkeypatch.setenv("OTHER", "c")
    assert flow.run().counts["reused"] == 1
    flow.edit("version='1'", "version='2'")
    assert flow.run().counts["completed"] == 1


@pytest.mark.parametrize("executor", ["inline", "threads", "processes"])
def test_what_a_step_prints_stands_in_the_journal(project: Make, executor: str) -> None:
    """With its attempt; what fails too."""
    flow = one(
        project, "print('hello', attempt().number)\nif attempt().number == 1: raise ValueError('no')", "retries=1"
    )
    run = flow.run(executor)
    with flow.store() as store:
        texts = {log.attempt: decode_text(log.outputs) for log in store.logs(run.id)}
    assert texts == {1: "hello 1\n", 2: "hello 2\n"}


def decode_text(blob: bytes) -> str:
    data = unpack_outputs(blob)[0].data
    assert data is not None
    return bytes(data).decode()


def test_equal_keys_in_one_run_run_once(project: Make) -> None:
    """Items and tasks with the same code and inputs share the first one's result, and say so."""
    flow = project(
        """
        @step
        def work(x: int) -> int:
            note(x)
            return x * 2

        @workflow
        def flow():
            return work.map(x=[1, 2, 1, 1]), work(2)
        """
    )
    run = flow.run()
    assert run.result == ([2, 4, 2, 2], 4)
    assert sorted(flow.executions()) == ["1", "2"]
    assert (run.counts["completed"], run.counts["reused"]) == (2, 3)
    assert "same as work[0]" in run.why("work[2]")
    assert run.load("work[3]") == 2


def test_an_equal_key_that_failed_is_tried_for_the_next_one(project: Make) -> None:
    """Failures are not shared."""
    flow = project(
        """
        @step
        def work(x: int) -> int:
            note(x)
            if not there("once"):
                (HERE / "once").touch()
                raise ValueError("first")
            return x

        @workflow
        def flow():
            return completed(work.map(x=[1, 1, 1]))
        """
    )
    run = flow.run()
    assert flow.executions() == ["1", "1"]
    assert {word: count for word, count in run.counts.items() if count} == {"failed": 1, "completed": 1, "reused": 1}


def test_a_side_effect_starts_only_when_what_it_rests_on_is_recorded(project: Make) -> None:
    """Looked at from inside the side effect: its inputs stand in the journal."""
    flow = project(
        """
        import sqlite3

        @step
        def make(x: int) -> int:
            return x

        @step(cache=False)
        def send(x: int) -> int:
            uri = f"file:{HERE / '.hookline' / 'journal.sqlite3'}?mode=ro"
            connection = sqlite3.connect(uri, uri=True)
            count = connection.execute("SELECT count(*) FROM attempts WHERE kind <= 4").fetchone()[0]
            connection.close()
            return count

        @workflow
        def flow():
            value = make(1)
            found = []
            for _ in range(5):
                value = send(value)
                found.append(value)
            return found
        """
    )
    assert flow.run("threads").result == [1, 2, 3, 4, 5]


def test_ctrl_c_in_an_inline_step_interrupts_the_run(project: Make) -> None:
    """The attempt is cancelled, the run interrupted, and a resume goes on."""
    flow = one(project, "if attempt().number == 1: raise KeyboardInterrupt\nreturn 1")
    run = flow.run("inline")
    assert run.status == "interrupted"
    assert flow.resume(executor="inline").result == 1


def test_a_failure_names_the_users_line(project: Make) -> None:
    """The record keeps the type, the text and the line in the user's file; the error names the tasks."""
    flow = one(project, "return {}['missing']")
    run = flow.run()
    with flow.store() as store:
        (failure,) = store.failures(run.id)
    assert failure.type == "KeyError"
    assert "return {}['missing']" in failure.traceback
    assert "core/hookline" not in failure.traceback
    with pytest.raises(RunFailedError, match="'work'"):
        _ = run.result


def test_signals_are_named_where_a_worker_was_killed(project: Make) -> None:
    """The error of a crashed task says which signal ended its worker."""
    run = one(project, f"os.kill(os.getpid(), {signal.SIGSEGV})").run("processes")
    assert "SIGSEGV" in run.tasks["work"].error


def test_paths_are_digested_by_content_in_lists_and_dicts(project: Make, tmp_path: Path) -> None:
    """Also as elements of a map that is known only at run time."""
    flow = project(
        """
        @step
        def write(n: int) -> list[Path]:
            paths = [attempt().folder / f"{i}.txt" for i in range(n)]
            for path in paths:
                path.write_text(f"content of {path.name}")
            return paths

        @step
        def read(path: Path, more: dict) -> str:
            note(path.name)
            return path.read_text() + "".join(one.read_text() for one in more["also"])

        @workflow
        def flow():
            return read.partial(more={"also": [HERE / "also.txt"]}).map(path=write(3))
        """
    )
    also = flow.folder / "also.txt"
    also.write_text("+")
    assert flow.run().result == [f"content of {i}.txt+" for i in range(3)]
    assert flow.run().counts["completed"] == 0
    also.write_text("-")
    flow.executions()
    assert flow.run("processes").result == [f"content of {i}.txt-" for i in range(3)]
    assert sorted(flow.executions()) == ["0.txt", "1.txt", "2.txt"]
