"""The process between a driver and its workers: it starts them, and ends them all when the driver is gone.

Run as a script, by path. It imports next to nothing, so that it is there at once, and runs nobody else's code, so that
nothing can keep it from its duty.

Commands and reports are marshalled tuples after their length in four bytes:

    ("spawn", number, argv, environment, folder, descriptors)   with the descriptors' file descriptors alongside
    ("kill", number, grace)           SIGTERM to the worker's processes, SIGKILL to what is left after ``grace`` seconds
    ("started", number, pid)
    ("exited", number, pid, status)   the status as ``waitpid`` gives it; the worker's children are gone by then

Where the system can do that (Linux), processes whose parent ended are handed to their worker, and when that ended to
this process, so that no session of its own and no clean environment hides one.
"""

from __future__ import annotations

import marshal
import os
import select
import signal
import socket
import struct
import sys
import time
from contextlib import suppress

TYPE_CHECKING = False  # typing takes longer to import than all the rest
if TYPE_CHECKING:
    from typing import Any, NoReturn

_PR_SET_CHILD_SUBREAPER = 36
_LENGTH = struct.Struct("<I")
_END_WITHIN = 2.0


class _Supervisor:
    def __init__(self, control: socket.socket) -> None:
        self.control = control
        self.driver = os.getppid()
        self.workers: dict[int, int] = {}  # number -> pid
        self.dead: dict[int, tuple[int, int, float]] = {}  # number -> (pid, status, when): its children may live
        self.deadlines: dict[int, float] = {}  # number -> when SIGKILL is due
        self.descriptors: list[int] = []
        self.inbox = b""

    def serve(self) -> None:
        """Work until the driver is gone."""
        # Workers must not keep the driver from noticing that this process is gone.
        os.set_inheritable(self.control.fileno(), False)
        adopt_orphans()
        wake, waker = os.pipe()
        for end in (wake, waker):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGPIPE"):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
        poll = select.poll()
        poll.register(self.control, select.POLLIN)
        poll.register(wake, select.POLLIN)
        watched = self.watch_driver(poll)
        while True:
            ready = dict(poll.poll(self.patience(watched)))
            if wake in ready:
                os.read(wake, 4096)
            if self.control.fileno() in ready and not self.receive():
                return
            if os.getppid() != self.driver:
                return
            self.reap()
            self.kill_due()
            self.finish_dead()

    def watch_driver(self, poll: select.poll) -> bool:
        # A forked child of the driver may hold our socket open, so that its end alone is not enough to go by.
        try:
            poll.register(os.pidfd_open(self.driver), select.POLLIN)
        except (AttributeError, OSError):
            return False
        return True

    def patience(self, watched: bool) -> int | None:
        due = min(self.deadlines.values(), default=None)
        if self.dead:
            return 10
        if due is not None:
            return max(0, int((due - time.monotonic()) * 1000) + 1)
        return None if watched else 300

    def receive(self) -> bool:
        """Take commands; false at the end."""
        try:
            data, ancillary, _, _ = self.control.recvmsg(65536, 4096)
        except OSError:
            return False
        for level, kind, fds in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                count = len(fds) // 4
                received = struct.unpack(f"{count}i", fds[: count * 4])
                for fd in received:
                    os.set_inheritable(fd, False)  # another worker's descriptors are none of a worker's business
                self.descriptors.extend(received)
        if not data:
            return False
        self.inbox += data
        while len(self.inbox) >= 4:
            end = 4 + _LENGTH.unpack(self.inbox[:4])[0]
            if len(self.inbox) < end:
                break
            command = marshal.loads(self.inbox[4:end])
            self.inbox = self.inbox[end:]
            if command[0] == "spawn":
                self.spawn(*command[1:])
            else:
                self.kill(*command[1:])
        return True

    def spawn(self, number: int, argv: list[str], environment: dict[bytes, bytes], folder: str, count: int) -> None:
        mine, self.descriptors = self.descriptors[:count], self.descriptors[count:]
        pid = os.fork()
        if pid == 0:
            become_worker(argv, environment, folder, mine)
        for fd in mine:
            os.close(fd)
        self.workers[number] = pid
        self.report("started", number, pid)

    def kill(self, number: int, grace: float) -> None:
        if number not in self.workers:
            return
        if grace > 0:
            self.signal(number, signal.SIGTERM)
            self.deadlines[number] = time.monotonic() + grace
        else:
            self.signal(number, signal.SIGKILL)

    def kill_due(self) -> None:
        now = time.monotonic()
        for number in [number for number, due in self.deadlines.items() if due <= now]:
            del self.deadlines[number]
            if number in self.workers:
                self.signal(number, signal.SIGKILL)

    def signal(self, number: int, sign: int) -> None:
        """Signal everything that belongs to a worker."""
        pid = self.workers[number]
        others = descendants(processes(), pid)
        try:
            os.killpg(pid, sign)
        except OSError:
            if number not in self.dead:
                send(pid, sign)  # forked just now, it leads no group yet
        for other in others:
            send(other, sign)

    def left_behind(self, pid: int) -> set[int]:
        """Find what lives of a worker that ended."""
        workers, me = set(self.workers.values()), os.getpid()
        parents = processes()
        # Others' orphans are with their workers: who is here and no worker belongs to one that ended.
        found = {child for child, parent in parents.items() if parent == me and child not in workers}
        for orphan in list(found):
            found |= descendants(parents, orphan)
        return found | group(pid)

    def reap(self) -> None:
        numbers = {pid: number for number, pid in self.workers.items()}
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            number = numbers.get(pid)
            if number is not None:
                self.dead[number] = (pid, status, time.monotonic())

    def finish_dead(self) -> None:
        """Report workers that ended, as soon as their children are gone as well."""
        for number, (pid, status, when) in list(self.dead.items()):
            left = self.left_behind(pid)
            if left and number in self.deadlines:
                continue
            for other in left:
                send(other, signal.SIGKILL)
            if left and time.monotonic() < when + _END_WITHIN:
                continue
            del self.dead[number], self.workers[number]
            self.deadlines.pop(number, None)
            self.report("exited", number, pid, status)

    def report(self, *message: Any) -> None:
        data = marshal.dumps(message)
        # Where the driver is gone, the loop is about to notice.
        with suppress(OSError):
            self.control.sendall(_LENGTH.pack(len(data)) + data)

    def end(self) -> None:
        """Kill every process that ever came from here."""
        until = time.monotonic() + _END_WITHIN
        while time.monotonic() < until:
            for pid in self.workers.values():
                with suppress(OSError):
                    os.killpg(pid, signal.SIGKILL)
            for pid in descendants(processes(), os.getpid()):
                send(pid, signal.SIGKILL)
            try:
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            except ChildProcessError:
                return
            time.sleep(0.005)


def become_worker(argv: list[str], environment: dict[bytes, bytes], folder: str, descriptors: list[int]) -> NoReturn:
    """Turn a forked child into a worker: never returns.

    ``descriptors`` are handed on under the numbers that they have here, which are put into ``argv`` in place of
    ``{0}``, ``{1}``…; the last one, if ``argv`` does not name it, becomes its output.
    """
    try:
        os.setsid()
        adopt_orphans()
        numbers = {f"{{{index}}}": str(fd) for index, fd in enumerate(descriptors)}
        for place, fd in zip(numbers, descriptors, strict=True):
            if place in argv:
                os.set_inheritable(fd, True)
            else:
                os.dup2(fd, 1)
                os.dup2(fd, 2)
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE, signal.SIGCHLD):
            signal.signal(sign, signal.SIG_DFL)
        signal.set_wakeup_fd(-1)
        os.chdir(folder)
        os.execve(argv[0], [numbers.get(part, part) for part in argv], environment)
    except BaseException as error:  # noqa: BLE001 - this process must not go on as a second supervisor
        os.write(2, f"{type(error).__name__}: {error}\n".encode())
    finally:
        os._exit(127)


def adopt_orphans() -> bool:
    """Become the parent of what this process's descendants leave behind; kept across ``exec``."""
    try:
        import ctypes

        return bool(ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)
    except (ImportError, OSError, AttributeError):
        return False


def processes() -> dict[int, int]:
    """Map each process to its parent; empty where the system does not tell."""
    found: dict[int, int] = {}
    try:
        entries = os.listdir("/proc")  # noqa: PTH208 - pathlib takes longer to import than all the rest
    except OSError:
        return found
    for entry in entries:
        if entry.isdigit():
            stat = read(f"/proc/{entry}/stat")
            fields = stat[stat.rfind(b")") + 2 :].split(b" ", 3)
            # A zombie needs no signal, only its parent's attention.
            if len(fields) > 2 and fields[0] != b"Z":
                found[int(entry)] = int(fields[1])
    return found


def group(leader: int) -> set[int]:
    """List the living members of a process group."""
    try:
        os.killpg(leader, 0)
    except OSError:
        return set()
    found: set[int] = set()
    for pid in processes():
        with suppress(OSError):
            if os.getpgid(pid) == leader:
                found.add(pid)
    return found


def descendants(parents: dict[int, int], ancestor: int) -> set[int]:
    """List what a process started, and what that started."""
    children: dict[int, list[int]] = {}
    for child, parent in parents.items():
        children.setdefault(parent, []).append(child)
    found: set[int] = set()
    waiting = [ancestor]
    while waiting:
        for child in children.get(waiting.pop(), ()):
            if child not in found:
                found.add(child)
                waiting.append(child)
    return found


def read(path: str) -> bytes:
    """Read a file of ``/proc``; empty where it is gone."""
    try:
        fd = os.open(path, os.O_RDONLY)
    except OSError:
        return b""
    try:
        parts: list[bytes] = []
        while True:
            part = os.read(fd, 65536)
            if not part:
                return b"".join(parts)
            parts.append(part)
    except OSError:
        return b""
    finally:
        os.close(fd)


def send(pid: int, sign: int) -> None:
    """Signal a process that may be gone."""
    with suppress(OSError):
        os.kill(pid, sign)


if __name__ == "__main__":
    _supervisor = _Supervisor(socket.socket(fileno=int(sys.argv[1])))
    try:
        _supervisor.serve()
    finally:
        _supervisor.end()
