"""A workflow of some two hundred quick tasks that leaves a line for each attempt, and a driver to be killed."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from hookline import attempt, step, workflow

# Texts, not paths: a path of a module counts as an input by what it points to.
LOG = "executions.log"
CHILD = "child.pid"


def note() -> None:
    """Leave a line that says who made which attempt; a single write, so that lines never mix."""
    now = attempt()
    line = f"{now.run_id} {now.task_id} {now.number} {os.getpid()}\n".encode()
    file = os.open(LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(file, line)
    os.close(file)


@step
def grind(x: int, salt: int) -> int:
    note()
    time.sleep(0.001)
    return x * 1000 + salt


@step
def more(x: int) -> int:
    note()
    return x + 1


@step
def total(xs: list[int]) -> int:
    note()
    return sum(xs)


@step
def link(x: int) -> int:
    note()
    time.sleep(0.001)
    return x + 1


@step
def big(seed: int, x: int) -> bytes:
    note()
    return bytes([x]) * 20_000 + str(seed).encode()


@step
def size(parts: list[bytes]) -> int:
    note()
    return sum(map(len, parts))


@step(cache=False)
def publish(n: int) -> int:
    note()
    return n


@step
def beget(x: int) -> int:
    """Leave a child behind that lives on with whatever it inherited."""
    note()
    if not Path(CHILD).exists():
        child = os.fork()
        if not child:
            signal.pause()
            os._exit(0)
        Path(CHILD).write_text(str(child))
    return x


@workflow
def crush(salt: int = 0, child: bool = False):
    ground = grind.partial(salt=beget(salt) if child else salt).map(x=range(80))
    value = total(more.map(x=ground))
    published = publish(value)
    for _ in range(25):
        value = link(value)
    return publish(size(big.partial(value).map(x=range(15)))), published


def expected(salt: int) -> tuple[int, int]:
    """What the workflow returns."""
    value = sum(x * 1000 + salt + 1 for x in range(80))
    return 15 * (20_000 + len(str(value + 25))), value


def drive(folder: str, executor: str, salt: int | None, child: bool = False) -> None:
    """Start a run, or go on with the last one; the whole life of a driver."""
    import warnings

    from hookline.engine import api
    from hookline.worker.target import load_target

    warnings.simplefilter("ignore")  # forking beside threads is what is tried here
    os.chdir(folder)
    store = Path(folder) / ".hookline"
    if salt is None:
        api.resume(store=store, executor=executor, workers=2)
    else:
        target = load_target(f"{__file__}:crush")
        params = {"salt": salt, "child": child}
        api.run(target.workflow, params, executor=executor, workers=2, store=store, target=target)
