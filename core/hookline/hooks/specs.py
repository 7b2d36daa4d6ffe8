"""All hooks on one page: when and where each is called, and with what. An implementation takes what it names.

The reference page is made from this module, and a test looks for one of its own per hook.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import TYPE_CHECKING, Any

from hookline.hooks.marker import hookspec

if TYPE_CHECKING:
    from hookline.graph.rewriting.editor import GraphEditor
    from hookline.hooks.registration import Register, RegisterHooks, RegisterSteps, RegisterValues
    from hookline.model.attempt_facts import AttemptFacts, Outcome, WorkerFacts
    from hookline.model.facts import RunEvent, TaskEvent
    from hookline.model.plan import Plan
    from hookline.model.project_facts import ProjectFacts

__all__: list[str] = []

# -- names: called once for a project's settings, before a workflow is built -------------------------------------------


@hookspec
def register_steps(register: RegisterSteps, settings: Any) -> None:
    """Name steps, for workflows in YAML, for settings, and for people who look for one.

    Called in the driver.

    Args:
        register: ``register(name, target, *, summary="")`` gives the whole name, ``"<plugin>.<name>"``. The target is
            ``"module:attribute"``, imported when it is used, or a step.
        settings: The plugin's settings; None where it has none.
    """


@hookspec
def register_executors(register: Register, settings: Any) -> None:
    """Name executors: places where attempts are made.

    Called in the driver.

    Args:
        register: ``register(name, "module:factory")``; the factory takes ``workers``, a number or None.
        settings: The plugin's settings.
    """


@hookspec
def register_stores(register: Register, settings: Any) -> None:
    """Name stores by the scheme of their URL: ``team`` for ``team://churn``, which the setting ``store`` may then be.

    Called in the driver and in each worker process, where a step that reads or writes records opens the store, too.
    Everything else workers do with the store's folder, whose path they are told.

    Args:
        register: ``register("team", "module:factory")``; the factory takes the URL and the keywords ``create`` (whether
            to make what is not there) and ``durability``, and gives what keeps ``hookline.Store``.
        settings: The plugin's settings.
    """


@hookspec
def register_serializers(register: RegisterValues, settings: Any) -> None:
    """Name serializers: how values of types that are no plain data become bytes.

    Called in the driver and in each worker process.

    Args:
        register: ``register(name, "module:factory", types=["module:Class", …])`` gives the whole name,
            ``"<plugin>.<name>"``, which is stored with each value.
        settings: The plugin's settings.
    """


@hookspec
def register_digests(register: RegisterValues, settings: Any) -> None:
    """Name digests: what identifies values of a type whose stored form differs between equal values.

    Called in the driver and in each worker process.

    Args:
        register: ``register(name, "module:factory", types=["module:Class", …])``.
        settings: The plugin's settings.
    """


@hookspec
def register_secrets(register: RegisterValues, settings: Any) -> None:
    """Name places of secrets by the scheme of their references: ``vault`` for ``vault:team/token``.

    Called in the driver and in each worker process.

    Args:
        register: ``register("vault", "module:function")``; the function takes what follows the colon, and gives the
            value.
        settings: The plugin's settings.
    """


@hookspec
def register_load_policies(register: RegisterValues, settings: Any) -> None:
    """Name load policies: which formats of stored values may be loaded.

    Called in the driver and in each worker process.

    Args:
        register: ``register(name, "module:factory")``; the factory makes a ``LoadPolicy``.
        settings: The plugin's settings.
    """


@hookspec
def register_hooks(register: RegisterHooks, settings: Any) -> None:
    """Add hooks of the plugin's own, which other plugins implement.

    Called in the driver, before all other hooks.

    Args:
        register: ``register(function)`` takes a function that is marked with ``@hookspec``, and gives what calls its
            implementations: with arguments by name, for a list of ``(plugin, result)`` in declared order.
        settings: The plugin's settings.
    """


# -- the graph ---------------------------------------------------------------------------------------------------------


@hookspec
def rewrite_graph(
    graph: GraphEditor,
    workflow: str,
    params: Mapping[str, Any],
    grown: str | None,
    project: ProjectFacts,
    settings: Any,
) -> None:
    """Change a workflow's task graph, before it is planned.

    Called in the driver: for ``plan`` as for ``run``, and for each part that grows at run time. It must depend on
    nothing but its arguments, and on what these name, such as files of sources: the same graph has to come out each
    time. What users can mend, such as a name that is misspelt, is a ``UsageError``, which passes as it is; what else is
    raised is told as a ``PluginError`` with the plugin's name.

    Args:
        graph: Finds tasks and changes them: see ``GraphEditor``.
        workflow: The workflow's name.
        params: The workflow's parameters, validated, by name; read only.
        grown: The id of the task whose new part the graph is; None for the workflow's own graph.
        project: The project's folder, environment, store and sources of data: see ``ProjectFacts``.
        settings: The plugin's settings.
    """


@hookspec
def plan_made(plan: Plan, settings: Any) -> None:
    """Look at what a run would do, and refuse it by raising ``Veto(reason)``.

    Called in the driver, for ``plan`` and before a run begins; not again when it is resumed.

    Args:
        plan: The plan.
        settings: The plugin's settings.
    """


# -- events: frozen facts, after the commit, in order, on a thread of their own ----------------------------------------


@hookspec
def run_started(run: RunEvent, settings: Any) -> None:
    """A run began, or went on.

    Called in the driver, on the event thread.

    Args:
        run: The facts of the run.
        settings: The plugin's settings.
    """


@hookspec
def task_started(task: TaskEvent, settings: Any) -> None:
    """An attempt of a task, or of an item of a mapped task, was taken up by a worker.

    Called in the driver, on the event thread.

    Args:
        task: The facts of the attempt.
        settings: The plugin's settings.
    """


@hookspec
def task_retrying(task: TaskEvent, settings: Any) -> None:
    """An attempt failed, and another follows.

    Called in the driver, on the event thread.

    Args:
        task: The facts of the attempt that failed.
        settings: The plugin's settings.
    """


@hookspec
def task_finished(task: TaskEvent, settings: Any) -> None:
    """A task, or an item of a mapped task, ended: with a value, reused, skipped, failed or however else.

    Called in the driver, on the event thread.

    Args:
        task: The facts of its end.
        settings: The plugin's settings.
    """


@hookspec
def run_finished(run: RunEvent, settings: Any) -> None:
    """A run ended; everything it did is recorded.

    Called in the driver, on the event thread.

    Args:
        run: The facts of the run.
        settings: The plugin's settings.
    """


# -- workers: wherever attempts are made ------------------------------------------------------------------------------


@hookspec
def worker_started(worker: WorkerFacts, settings: Any) -> Generator[None, None, None]:
    """Set up what a worker needs as long as it lives: a generator that yields once, and tears down after that.

    Called in each worker: in the driver's own thread (``inline``), in each thread, process or Ray worker.

    Args:
        worker: The facts of the worker.
        settings: The plugin's settings.

    Yields:
        Once, when all is set up. An exception before fails all attempts that the worker is given.
    """
    yield


@hookspec
def around_attempt(attempt: AttemptFacts, settings: Any) -> Generator[None, Outcome, None]:
    """Go along with an attempt: a generator that yields once, for the outcome.

    Called in each worker. Generators enter in declared order and leave in reverse. An exception before the ``yield``
    fails the attempt; one after it is only reported. Neither arguments nor result can be changed here: that is what
    ``graph.wrap`` in ``rewrite_graph`` does.

    Args:
        attempt: The facts of the attempt; what is put into ``attempt.metadata`` is recorded with it.
        settings: The plugin's settings.

    Yields:
        Once; the outcome comes back.
    """
    yield
