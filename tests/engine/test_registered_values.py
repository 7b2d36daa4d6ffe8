"""Registered serializers, digests and load policies in whole runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import hookline
from engine.project import Project
from hookline.errors import HooklineError
from hookline.values.policy import load_policy, set_load_policy
from hookline.values.registered import DIGESTS, SERIALIZERS

CODE = """
from hookline.values.registered import DIGESTS, SERIALIZERS

class Model:
    def __init__(self, weight, trained):
        self.weight, self.trained = weight, trained

class Handle:
    def __init__(self, number):
        self.number = number
        self.lock = __import__("threading").Lock()

class HandleSerializer:
    version, safe = 1, True
    def dump(self, value): return str(value.number).encode()
    def load(self, parts, version): return Handle(int(bytes(parts[0])))

class ModelDigest:
    version = 1
    def canonical(self, value): return repr(value.weight).encode()

SERIALIZERS.register("own.handles", f"{__name__}:HandleSerializer", source="own", types=[f"{__name__}:Handle"])
DIGESTS.register("own.models", f"{__name__}:ModelDigest", source="own", types=[f"{__name__}:Model"])

@step
def make(n: int):
    note("make")
    return Handle(n)

@step(cache=False)
def train(handle):
    note("train")
    return {"model": Model(handle.number, time.time_ns()), "big": "x" * 10_000}

@step
def score(trained):
    note("score")
    return trained["model"].weight * 2, trained["model"].trained > 0

@workflow
def flow(n: int = 21):
    return score(train(make(n)))
"""


@pytest.fixture(autouse=True)
def clean() -> Iterator[None]:
    yield
    set_load_policy("any")
    SERIALIZERS.forget("own.handles")
    DIGESTS.forget("own.models")


@pytest.mark.parametrize("executor", ["inline", "threads", "processes"])
def test_registered_values_cross_every_executor_and_cut_off_early(
    project: Callable[[str], Project], executor: str
) -> None:
    """A model trained anew that its digest calls the same makes nothing after it run again."""
    made = project(CODE)
    run = made.run(executor)
    assert run.result == (42, True)
    assert made.executions() == ["make", "train", "score"]
    again = made.run(executor)
    assert again.result == (42, True)
    assert made.executions() == ["train"]
    assert again.tasks["score"].state == "reused"
    assert again.load("train")["model"].trained > run.load("train")["model"].trained


def test_collection_keeps_what_lies_apart(project: Callable[[str], Project]) -> None:
    """A value with a digest of its own is referred to by the result that holds it."""
    made = project(
        CODE.replace("Model(handle.number, ", "Model(handle.number, 'y' * 10_000 + str(")
        .replace("time_ns()", "time_ns())")
        .replace("trained > 0", "trained > ''")
    )
    run = made.run("threads")
    with made.store() as store:
        from hookline.store.collect import collect

        collect(store)
    assert len(run.load("train")["model"].trained) > 10_000


PICKLED = """
class Thing:
    pass

@step
def make(n: int):
    return Thing() if n else {"plain": [1, 2]}

@step
def use(value):
    return 1

@workflow
def flow(n: int = 1):
    return use(make(n))
"""


@pytest.mark.parametrize("executor", ["threads", "processes"])
def test_a_policy_holds_in_workers_and_for_what_is_read_later(
    project: Callable[[str], Project], executor: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The setting reaches every process of a run, and whoever opens the store."""
    made = project(PICKLED)
    pickled = made.run(executor)
    assert pickled.status == "completed"
    (made.folder / "pyproject.toml").write_text('[tool.hookline]\nload_policy = "no-pickle"\n')
    forbidden = made.run(executor, fresh=True)
    assert forbidden.tasks["make"].state == "failed"
    assert "the load policy 'no-pickle' does not let a stored value be loaded" in (forbidden.tasks["make"].error or "")
    assert made.run(executor, n=0).result == 1
    set_load_policy("any")
    recorded = hookline.open_store(made.folder / ".hookline").run(pickled.id)
    assert load_policy() == "no-pickle"
    with pytest.raises(HooklineError, match="no-pickle"):
        recorded.load("make")


def test_an_unknown_policy_ends_the_call(project: Callable[[str], Project]) -> None:
    """Before anything runs."""
    made = project(PICKLED)
    (made.folder / "pyproject.toml").write_text('[tool.hookline]\nload_policy = "strict"\n')
    with pytest.raises(HooklineError, match="there is no load policy 'strict'"):
        made.run()
    assert not Path(made.folder / ".hookline").exists()


GROWING = """
@step
def parts(n: int):
    note("parts")
    model = Model(n, time.time_ns())
    return [score({"model": model}), score({"model": Model(n + 1, 1)})]

@workflow
def flow(n: int = 21):
    return parts(n)
"""


@pytest.mark.parametrize("executor", ["threads", "processes"])
def test_values_with_a_digest_of_their_own_are_passed_on_by_what_grows(
    project: Callable[[str], Project], executor: str
) -> None:
    """They are constants of grown tasks as of others, and recipes that hold them are replayed."""
    made = project(CODE[: CODE.index("@workflow")] + GROWING)
    run = made.run(executor)
    assert run.result == [(42, True), (44, True)]
    assert sorted(made.executions()) == ["parts", "score", "score"]
    assert made.run(executor).result == run.result
    assert made.executions() == []
    made.run(executor, fresh=True)
    assert sorted(made.executions()) == ["parts", "score", "score"]
