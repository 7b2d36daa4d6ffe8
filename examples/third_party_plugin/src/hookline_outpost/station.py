"""What an interpreter runs: batches from its standard input, until it is told to end."""

import os
import queue
import signal
import threading
from typing import IO

from hookline import Batch, Worker
from hookline_outpost.wire import Cancel, receive, send

__all__ = ["main"]


def main() -> None:
    """Serve the driver that started this process."""
    source, sink = _take_pipes()
    run, number = receive(source)
    worker = Worker(run, number)
    batches: queue.SimpleQueue[Batch | None] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(source, worker, batches), daemon=True).start()
    while (batch := batches.get()) is not None:
        worker.run(batch, lambda message: send(sink, message))
    worker.close()


def _take_pipes() -> tuple[IO[bytes], IO[bytes]]:
    """Keep the two pipes for messages, out of reach of steps that print, read, or start programs which do."""
    source, sink = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return source, sink


def _listen(source: IO[bytes], worker: Worker, batches: "queue.SimpleQueue[Batch | None]") -> None:
    """Take messages also while attempts are made: one may have to end."""
    while True:
        try:
            message = receive(source)
        except EOFError:
            # No farewell: the driver was killed. Nothing that steps have started may outlive it.
            os.killpg(0, signal.SIGKILL)
            return
        if isinstance(message, Cancel):
            worker.cancel([message.batch])
            continue
        batches.put(message)
        if message is None:
            return
