"""Ray's errors, in words that say what to do."""

from __future__ import annotations

import re

__all__ = ["Explained", "explain_connection", "explain_end"]

_SHOWN = 600


class Explained(Exception):  # noqa: N818 - it carries an error to where it is raised as one
    """Why a cluster can't be joined.

    Args:
        why: What is wrong.
        help: What to do about it.
    """

    def __init__(self, why: str, help: str) -> None:  # noqa: A002 - the word that the message has
        super().__init__(why)
        self.why, self.help = why, help


def explain_connection(address: str, error: BaseException) -> Explained:
    """Say why a cluster can't be joined, or started.

    Args:
        address: Where it was looked for.
        error: What was raised.
    """
    text = str(error)
    if isinstance(error, (OSError, ValueError)) and address not in ("auto", "local"):
        if isinstance(error, ValueError):
            return Explained(f"'{address}' is no address of a Ray cluster", "give HOST:PORT, or 'auto'")
        return Explained(
            f"nobody answers at the Ray cluster's address '{address}' ({_reason(error)})",
            "give the address of the head, as 'ray status' or 'ray start --head' shows it, on a machine that reaches it",
        )
    if "ersion mismatch" in text:
        return Explained(
            f"the Ray cluster at '{address}' has other versions than this process: {_shown(text)}",
            "use the same versions of Ray and Python here and on the cluster",
        )
    if "uthenticat" in text or "token" in text.lower():
        return Explained(
            f"the Ray cluster at '{address}' refuses this process: {_shown(text)}",
            "set RAY_AUTH_MODE and RAY_AUTH_TOKEN, or RAY_AUTH_TOKEN_PATH, as they are on the cluster",
        )
    if address == "auto" and "Could not find any running Ray instance" in text:
        return Explained(
            "there is no Ray cluster on this machine",
            "start one with 'ray start --head', give its address, or leave the address out to have one started",
        )
    if "IP address" in text or "node_ip_address" in text or "raylet" in text.lower():
        return Explained(
            f"this machine is no node of the Ray cluster at '{address}': {_shown(text)}",
            "run hookline on one of its nodes, or make this machine one: ray start --address=" + address,
        )
    what = "no Ray cluster can be started" if address == "local" else f"the Ray cluster at '{address}' can't be joined"
    return Explained(f"{what}: {type(error).__name__}: {_shown(text)}", "see Ray's logs below /tmp/ray/session_latest")


def explain_end(error: BaseException) -> tuple[str, bool]:
    """Say why an outpost ended.

    Args:
        error: What Ray raised for it.

    Returns:
        The reason in words, and whether the next one would end the same way.
    """
    kind, text = type(error).__name__, str(error)
    if kind == "RuntimeEnvSetupError":
        return f"its runtime environment can't be built: {_shown(text)}", True
    if kind == "OutOfMemoryError" or "memory usage threshold" in text or "OOM" in text:
        return "Ray ended it because its node ran out of memory", False
    if "ode" in text and ("node has died" in text or "node died" in text or "node was terminated" in text):
        return "its node died", False
    if kind in ("ActorDiedError", "ActorUnavailableError", "RayActorError", "WorkerCrashedError"):
        cause = text.rpartition("\n")[2].strip() or text
        return f"its process died: {_shown(cause)}", False
    if isinstance(error, (ValueError, TypeError)):
        return f"Ray does not take its options: {_shown(text)}", True
    return f"{kind}: {_shown(text)}", False


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()


def _shown(text: str) -> str:
    """Give a text of Ray's in one line, without colours, and not all of it."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", text)
    line = " ".join(plain.split())
    return line if len(line) <= _SHOWN else f"{line[:_SHOWN]}…"
