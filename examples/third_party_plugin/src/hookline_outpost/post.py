"""One worker: an interpreter that is started when there is work for it, and anew after its death."""

import threading
from collections.abc import Callable

from hookline import Batch, Finished, Lost, RunFacts, Started
from hookline_outpost.interpreter import Interpreter
from hookline_outpost.wire import Cancel

__all__ = ["Deliver", "Post"]

Deliver = Callable[[Started | Finished | Lost], None]


class Post:
    """Has batches made, one after the other, by the thread that calls :meth:`work`.

    Args:
        python: The interpreter's executable.
        run: What workers must know.
        number: The worker's number.
        deliver: Takes messages.

    Attributes:
        number: The worker's number.
    """

    def __init__(self, python: str, run: RunFacts, number: int, deliver: Deliver) -> None:
        self.number = number
        self._python = python
        self._run = run
        self._deliver = deliver
        self._lock = threading.Lock()
        self._interpreter: Interpreter | None = None
        self._batch: int | None = None
        self._cancelled = False
        self._doom = ""
        self._timers: list[threading.Timer] = []

    def take(self, batch: Batch) -> None:
        """Note which batch is next; from here on it can be cancelled."""
        with self._lock:
            self._batch, self._cancelled, self._doom = batch.number, False, ""

    def work(self, batch: Batch) -> None:
        """Have the batch made that was taken, and deliver all of its messages."""
        try:
            interpreter = self._ready()
        except OSError as error:
            self._let_go()
            self._deliver(Finished.failed(batch, f"'{self._python}' can't be started: {error}", self.number))
            return
        # Its end may have been asked for before there was an interpreter to tell, or to kill.
        if self._doom:
            interpreter.kill()
        if self._cancelled:
            interpreter.tell(Cancel(batch.number))
        interpreter.tell(batch)
        if batch.time_limit is not None:
            self._kill_after(batch.time_limit, batch.number, "timeout")
        try:
            self._pass_on(interpreter)
        except EOFError:
            self._deliver(self._loss(interpreter, batch))
        else:
            if self._let_go():
                self._bury(interpreter)  # what it was to be killed for ended just before

    def cancel(self, number: int, grace: float) -> None:
        """Ask for the end of a batch, and after a while end it by force; returns at once."""
        with self._lock:
            if self._batch != number:
                return
            self._cancelled = True
            interpreter = self._interpreter
        self._kill_after(grace, number, "cancelled")
        if interpreter is not None:
            # In a thread of its own: the pipe may be full.
            threading.Thread(target=interpreter.tell, args=(Cancel(number),), daemon=True).start()

    def leave(self) -> None:
        """Let the interpreter end in good order: providers and plugins close what they opened."""
        interpreter = self._interpreter
        if interpreter is None:
            return
        interpreter.tell(None)
        try:
            interpreter.hear()
        except EOFError:
            self._bury(interpreter)

    def kill(self, doom: str) -> None:
        """End the interpreter, whatever it does."""
        with self._lock:
            self._end(doom)

    def _ready(self) -> Interpreter:
        """Give the interpreter: the one that is there, if it lives."""
        interpreter = self._interpreter
        if interpreter is not None and not interpreter.lives:
            self._bury(interpreter)
        # With the lock held: who wants to kill it waits until there is something to kill.
        with self._lock:
            if self._interpreter is None:
                self._interpreter = Interpreter(self._python, self._run, self.number)
            return self._interpreter

    def _pass_on(self, interpreter: Interpreter) -> None:
        """Deliver what the interpreter says until a batch has ended."""
        while True:
            message = interpreter.hear()
            self._deliver(message)
            if isinstance(message, Finished) and message.done:
                return

    def _loss(self, interpreter: Interpreter, batch: Batch) -> Lost:
        """Account for an interpreter that died with a batch in its hands."""
        doom = self._let_go()
        reason = self._bury(interpreter)
        if doom == "timeout":
            return Lost(batch.number, self.number, f"took longer than {batch.time_limit:g} s", timed_out=True)
        return Lost(batch.number, self.number, doom or reason, cancelled=bool(doom))

    def _let_go(self) -> str:
        """Note that the batch has ended; tell why the interpreter was killed meanwhile, if it was."""
        with self._lock:
            self._batch = None
            while self._timers:
                self._timers.pop().cancel()
            return self._doom

    def _bury(self, interpreter: Interpreter) -> str:
        with self._lock:
            self._interpreter = None
        return interpreter.bury()

    def _kill_after(self, seconds: float, number: int, doom: str) -> None:
        timer = threading.Timer(seconds, self._kill_if_still_at, (number, doom))
        timer.daemon = True
        with self._lock:
            if self._batch == number:
                self._timers.append(timer)
                timer.start()

    def _kill_if_still_at(self, number: int, doom: str) -> None:
        with self._lock:
            if self._batch == number:
                self._end(doom)

    def _end(self, doom: str) -> None:
        self._doom = doom
        if self._interpreter is not None:
            self._interpreter.kill()
