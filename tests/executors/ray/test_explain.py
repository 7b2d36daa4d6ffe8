"""Ray's errors in words. The texts are those of Ray 2.60."""

from __future__ import annotations

import pytest

from hookline.executors.ray.explain import OUT_OF_MEMORY, explain_connection, explain_dial, explain_end

KILLED = """The actor died unexpectedly before finishing this task.
\tclass_name: Outpost
\tactor_id: 945a03344530e7607a5114f301000000
\tpid: 4711
\tip: 10.0.0.2
The actor is dead because its worker process has died. Worker exit type: SYSTEM_ERROR Worker exit detail: Worker \
unexpectedly exits with a connection error code 2. End of file. Some common causes include: (1) the process was \
killed by the OOM killer due to high memory usage, (2) ray stop --force was called, or (3) the worker crashed \
unexpectedly due to SIGSEGV or another unexpected error."""
MEMORY = """1 worker(s) were killed due to the node running low on memory. Memory on the node (IP: 10.0.0.2, \
ID: 5828e8) was 2.04GB used / 23.54GB limit (0.086730)
OOM kill reason: Memory usage 2192228352B exceeded threshold of 252765008B (1.0% of 25276502016B limit)"""
NODE = """The actor died unexpectedly before finishing this task.
\tclass_name: Outpost
The actor died because its node has died. Node Id: 5828e832386a
\tthe actor's node was terminated unexpectedly: health check failed due to missing too many heartbeats"""
UNAVAILABLE = (
    "The actor 945a03344530e7607a5114f301000000 is unavailable: The actor is temporarily unavailable: RpcError: RPC "
    "error: Socket closed rpc_code: 14. The task may or may not have been executed on the actor."
)
DISMISSED = (
    "The actor died unexpectedly before finishing this task.\nThe actor is dead because it was killed by `ray.kill`."
)
VERSIONS = """Version mismatch: The cluster was started with:
    Ray: 2.59.0
    Python: 3.12.4
This process on 10.0.0.3 was started with:
    Ray: 2.60.0
    Python: 3.11.7
"""


def error(kind: str, text: str, base: type[Exception] = Exception) -> Exception:
    """Make an error that is called like one of Ray's."""
    made: Exception = type(kind, (base,), {})(text)
    return made


@pytest.mark.parametrize(
    ("kind", "text", "why", "hopeless"),
    [
        (
            "ActorDiedError",
            KILLED,
            "its process died: Worker unexpectedly exits with a connection error code 2. End of file",
            False,
        ),
        ("OutOfMemoryError", MEMORY, OUT_OF_MEMORY, False),
        ("ActorDiedError", MEMORY, OUT_OF_MEMORY, False),
        ("ActorDiedError", NODE, "its node died", False),
        ("ActorUnavailableError", UNAVAILABLE, "its process, or its node, answers no more", False),
        ("ActorDiedError", DISMISSED, "it did not end by itself, and was ended", False),
        (
            "RuntimeEnvSetupError",
            "Failed to set up runtime environment.\n\x1b[31mno pip\x1b[0m",
            "its runtime environment can't be built: Failed to set up runtime environment. no pip",
            True,
        ),
        ("WorkerCrashedError", "The worker\ndied", "its process died: died", False),
        ("RaySystemError", "System error", "RaySystemError: System error", False),
    ],
)
def test_why_an_outpost_ended_is_said_in_a_line(kind: str, text: str, why: str, hopeless: bool) -> None:
    """What Ray guesses is left out, so that only what ran out of memory is said to have done so."""
    assert explain_end(error(kind, text)) == (why, hopeless)


def test_amounts_that_ray_refuses_are_refused_next_time_too() -> None:
    """There is no use in trying once more."""
    assert explain_end(ValueError("no negative amounts")) == (
        "Ray does not take its options: no negative amounts",
        True,
    )


@pytest.mark.parametrize(
    ("raised", "said", "why", "remedy"),
    [
        (
            RuntimeError(VERSIONS),
            "",
            (
                "the Ray cluster at 'head:1' has other versions than this process: Ray 2.59.0 on Python 3.12.4 there, "
                "Ray 2.60.0 on Python 3.11.7 here"
            ),
            "same versions",
        ),
        (
            ConnectionError("Failed to connect to Ray cluster at head:1"),
            "Failed to get cluster ID from GCS server: Unauthenticated: RPC error: InvalidAuthToken: …",
            "the Ray cluster at 'head:1' refuses this process: it does not have the cluster's token",
            "RAY_AUTH_TOKEN",
        ),
        (
            RuntimeError(
                "No node info found matching attributes: '10.0.0.3' when trying to resolve node to connect to."
            ),
            "",
            "this machine is no node of the Ray cluster at 'head:1'",
            "ray start --address=head:1",
        ),
        (
            ConnectionError("Could not find any running Ray instance. Please specify the one to connect to by …"),
            "",
            "there is no Ray cluster on this machine",
            "ray start --head",
        ),
        (
            ConnectionError("Found multiple active Ray instances: {'10.0.0.1:6379', '10.0.0.1:6380'}. Please specify"),
            "",
            "there are several Ray clusters on this machine: 10.0.0.1:6379, 10.0.0.1:6380",
            "one of them",
        ),
        (
            TypeError("runtime_env['pip'] must be of type str"),
            "",
            "Ray does not take what it is to set up for workers: runtime_env['pip'] must be of type str",
            "runtime_env",
        ),
        (
            SystemExit(15),
            "",
            "the Ray cluster at 'head:1' can't be joined: SystemExit: Ray ended the process that was to be connected",
            "logs",
        ),
    ],
)
def test_why_a_cluster_can_not_be_joined_is_said_with_what_to_do(
    raised: BaseException, said: str, why: str, remedy: str
) -> None:
    """The message states the fact, the remedy what would change it."""
    explained = explain_connection("head:1", raised, said)
    assert explained.why == why
    assert remedy in explained.help


def test_a_local_cluster_that_does_not_come_up_is_not_said_to_be_joined() -> None:
    """There is nothing to join."""
    assert explain_connection("local", RuntimeError("no room")).why == (
        "no Ray cluster can be started: RuntimeError: no room"
    )


def test_a_long_path_for_sockets_is_said_to_be_too_long() -> None:
    """As TMPDIR often is where a scheduler or a test sets it."""
    error = OSError("validate_socket_filename failed: AF_UNIX path length cannot exceed 107 bytes: /scratch/…")
    assert "TMPDIR" in explain_connection("local", error).why
    assert "RAY_TMPDIR" in explain_connection("local", error).help


@pytest.mark.parametrize(
    ("raised", "why"),
    [
        (ValueError("port"), "'head:1' is no address of a Ray cluster"),
        (ConnectionAbortedError(), "who answers at 'head:1' is not the head of a Ray cluster"),
        (TimeoutError("timed out"), "nobody answers at the Ray cluster's address 'head:1' (timed out)"),
    ],
)
def test_what_is_wrong_with_an_address_is_said(raised: OSError | ValueError, why: str) -> None:
    """A mistyped address, a wrong port and a machine that is off are three things."""
    assert explain_dial("head:1", raised).why == why
