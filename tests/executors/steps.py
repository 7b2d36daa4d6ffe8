"""The functions that attempts call in these tests, where the contract's don't do."""

from __future__ import annotations

STEPS = """
import ctypes, logging, os, signal, subprocess, sys, time
from pathlib import Path
from hookline.model.attempt import attempt

def same(x): return x
def extent(x): return len(x) if isinstance(x, bytes) else x
def add(x, y): return x + y
def fail(x): raise ValueError(f"no {x}")
def leave(x): sys.exit(0)
def leave_hard(x): os._exit(0)
def pid(x): return os.getpid()
def folder(x): return os.getcwd()
def variable(x): return os.environ.get(x)
def path(x): return sys.path
def grow(x): return [0] * x
def chatter(x):
    print("out", x); sys.stderr.write("err\\n"); logging.getLogger("mine").warning("logged"); return x
def shout(x):
    print("python", flush=True); os.system("echo child"); os.write(1, b"raw\\n"); return x
def print_for_ever(x):
    while True: print("x" * 1000)
def child_prints_for_ever(x):
    print("begin", flush=True)
    subprocess.run(["yes"])
def write_with_interpreter_held(x):
    data = b"x" * x
    libc = ctypes.PyDLL(None)
    at = 0
    while at < x: at += libc.write(1, data[at:], x - at)
    return at
def nap(x): time.sleep(x); return x
def note_and_nap(x, y):
    Path(x).write_text(str(os.getpid())); time.sleep(y); return os.getpid()
def killed(x): os.kill(os.getpid(), signal.SIGKILL)
def killed_once(x):
    if not Path(x).exists():
        Path(x).write_text("");  os.kill(os.getpid(), signal.SIGKILL)
    return x
def killed_if(x, y):
    if x == y: os.kill(os.getpid(), signal.SIGKILL)
    return x
def segfault(x): ctypes.string_at(0)
def until_cancelled(x):
    Path(x).write_text("begun")
    while not attempt().cancelled(): time.sleep(0.001)
    return "tidied"
def spawn_and_nap(x):
    children = [subprocess.Popen(["sleep", "600"]), subprocess.Popen(["sleep", "600"], start_new_session=True)]
    script = "import os, subprocess as s; os.setsid(); print(s.Popen(['sleep', '600'], env={}, stdout=s.DEVNULL).pid)"
    command = [sys.executable, "-I", "-S", "-c", script]
    orphan = subprocess.run(command, stdout=subprocess.PIPE, text=True).stdout.strip()
    pids = [os.getpid(), *(child.pid for child in children), int(orphan)]
    print("spawned", flush=True)
    temporary = Path(str(x) + ".part"); temporary.write_text(" ".join(map(str, pids))); temporary.replace(x)
    time.sleep(600)
def is_class(x): return type(x) is Thing
class Thing: pass
"""
