"""Ray's errors, in words that say what to do."""

from __future__ import annotations

import re

__all__ = ["NODE_DIED", "OUT_OF_MEMORY", "Explained", "explain_connection", "explain_dial", "explain_end", "one_line"]

OUT_OF_MEMORY = "Ray ended it because its node ran out of memory"
"""The reason of an outpost's end that an attempt may have brought about."""

NODE_DIED = "its node died"
"""The reason of an outpost's end that says nothing of what the next would meet."""

_SHOWN = 600
_GUESSES = re.compile(r"\.? *(Some common causes include|There are some potential root causes).*", re.DOTALL)
_DETAIL = re.compile(r".*Worker exit detail: *", re.DOTALL)
_VERSIONS = re.compile(r"Ray: (\S+) +Python: (\S+).* Ray: (\S+) +Python: (\S+)")


class Explained(Exception):  # noqa: N818 - it carries an error to where it is raised as one
    """Why a cluster can't be joined.

    Args:
        why: What is wrong.
        help: What to do about it.
    """

    def __init__(self, why: str, help: str) -> None:  # noqa: A002 - the word that the message has
        super().__init__(why)
        self.why, self.help = why, help


def explain_dial(address: str, error: OSError | ValueError) -> Explained:
    """Say why there is no talking to whoever is at an address.

    Args:
        address: The address, as it was given.
        error: What was raised; a :class:`ValueError` where it is none.
    """
    if isinstance(error, ValueError):
        return Explained(
            f"'{address}' is no address of a Ray cluster", "give HOST:PORT, or 'auto', in --ray-address or RAY_ADDRESS"
        )
    if isinstance(error, ConnectionAbortedError):
        return Explained(
            f"who answers at '{address}' is not the head of a Ray cluster",
            "give the address and port that 'ray start --head' shows: 6379, unless it was told otherwise",
        )
    return Explained(
        f"nobody answers at the Ray cluster's address '{address}' ({(error.strerror or str(error)).lower()})",
        "give the address of the head, as 'ray status' or 'ray start --head' shows it, on a machine that reaches it",
    )


def explain_connection(address: str, error: BaseException, said: str = "") -> Explained:
    """Say why a cluster can't be joined, or started.

    Args:
        address: Where it was looked for.
        error: What Ray raised.
        said: What it printed before that.
    """
    kind, text = type(error).__name__, _plain(str(error))
    if "ersion mismatch" in text:
        return Explained(
            f"the Ray cluster at '{address}' has other versions than this process: {_versions(text)}",
            "use the same versions of Ray and Python here and on the cluster",
        )
    if kind == "AuthenticationError" or "nauthenticated" in text + said:
        return Explained(
            f"the Ray cluster at '{address}' refuses this process: it does not have the cluster's token",
            "set RAY_AUTH_MODE=token, and RAY_AUTH_TOKEN or RAY_AUTH_TOKEN_PATH as they are on the cluster",
        )
    if "Could not find any running Ray instance" in text:
        return Explained(
            "there is no Ray cluster on this machine",
            "start one with 'ray start --head', give its address, or leave the address out to have one started",
        )
    if "Found multiple active Ray instances" in text:
        found = ", ".join(sorted(re.findall(r"'([^' ]+:\d+)'", text)))
        return Explained(f"there are several Ray clusters on this machine: {found}", "give the address of one of them")
    if "No node info found" in text or "ode info for" in text:
        return Explained(
            f"this machine is no node of the Ray cluster at '{address}'",
            f"run hookline on one of its nodes, or make this machine one: ray start --address={address}",
        )
    if "AF_UNIX path length" in text:
        return Explained(
            "no Ray cluster can be started: the path of TMPDIR, in which its sockets are to be, is too long",
            "set RAY_TMPDIR to a short one: RAY_TMPDIR=/tmp",
        )
    if isinstance(error, (TypeError, ValueError)):
        return Explained(
            f"Ray does not take what it is to set up for workers: {_cut(text)}", "see [tool.hookline.ray.runtime_env]"
        )
    if kind == "SystemExit":
        # All that there is where Ray ends the process that called it.
        text = "Ray ended the process that was to be connected"
    what = "no Ray cluster can be started" if address == "local" else f"the Ray cluster at '{address}' can't be joined"
    return Explained(f"{what}: {kind}: {_cut(text)}", "see Ray's logs below /tmp/ray/session_latest")


def explain_end(error: BaseException) -> tuple[str, bool]:
    """Say why an outpost ended.

    Args:
        error: What Ray raised for it.

    Returns:
        The reason in words, and whether the next one would end the same way.
    """
    kind, text = type(error).__name__, _plain(str(error))
    if kind == "RuntimeEnvSetupError":
        return f"its runtime environment can't be built: {_cut(text)}", True
    # That the system may have done it is Ray's guess at any end that it can't explain, so it proves nothing.
    if kind == "OutOfMemoryError" or "due to the node running low on memory" in text:
        return OUT_OF_MEMORY, False
    if kind == "NodeDiedError" or "its node has died" in text:
        return NODE_DIED, False
    if "killed by `ray.kill`" in text:
        return "it did not end by itself, and was ended", False
    if kind == "ActorUnavailableError":
        return "its process, or its node, answers no more", False
    if kind in ("ActorDiedError", "RayActorError", "WorkerCrashedError"):
        return f"its process died: {_cut(_cause(str(error)))}", False
    if isinstance(error, (ValueError, TypeError)):
        return f"Ray does not take its options: {_cut(text)}", True
    return f"{kind}: {_cut(text)}", False


def _cause(text: str) -> str:
    """Give what Ray knows of a process's end, without what it guesses."""
    last = text.strip().rpartition("\n")[2]
    return _DETAIL.sub("", _GUESSES.sub("", _plain(last)))


def _versions(text: str) -> str:
    found = _VERSIONS.search(text)
    if found is None:
        return _cut(text)
    return "Ray {} on Python {} there, Ray {} on Python {} here".format(*found.groups())


def _plain(text: str) -> str:
    """Give a text of Ray's in one line, without colours."""
    return " ".join(re.sub(r"\x1b\[[0-9;]*m", "", text).split())


def _cut(text: str) -> str:
    # What led to an error stands last in Ray's texts.
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN // 3]} … {text[-2 * _SHOWN // 3 :]}"


def one_line(text: str) -> str:
    """Give a text of Ray's in one line that is not too long."""
    return _cut(_plain(text))
