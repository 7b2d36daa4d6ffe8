"""What models are: what they take, how good they are, what was decided about them, and what they said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hookline.ml.artifact import ArtifactRef
from hookline.ml.data import Column, DatasetRef
from hookline.ml.noun import Noun, check_counts, check_distinct, check_name, find

__all__ = [
    "BusinessValue",
    "Check",
    "Decision",
    "Evaluation",
    "Metric",
    "ModelRef",
    "Prediction",
    "Signature",
    "Slice",
]

_COMPARISONS = ("<", "<=", "==", "!=", ">=", ">")


@dataclass(frozen=True, slots=True)
class Signature(Noun):
    """What a model takes and gives.

    Attributes:
        inputs: What it is given for each prediction.
        outputs: What it gives.
        parameters: What can be set for a prediction besides, such as a threshold.
    """

    inputs: tuple[Column, ...]
    outputs: tuple[Column, ...]
    parameters: tuple[Column, ...] = ()

    def _check(self) -> None:
        check_distinct("a signature", "inputs", [column.name for column in (*self.inputs, *self.parameters)])
        check_distinct("a signature", "outputs", [column.name for column in self.outputs])
        if not self.outputs:
            raise ValueError("a signature needs outputs: a model that gives nothing is none")


@dataclass(frozen=True, slots=True)
class ModelRef(Noun):
    """A version of a model.

    Attributes:
        name: The model's name in the registry.
        version: Which one; empty where it is not registered yet.
        digest: Of the stored model; empty where that is not known.
        run_id: The run that made it.
        task_id: The task that made it.
        commit: The revision of the code that made it.
        branch: The branch of the code.
        stage: What it is for now: ``"staging"``, ``"production"``; empty for nothing yet.
        artifact: Where it is stored; None where hookline does not store it.
        time_us: When it was made; None where that is not known.
    """

    name: str
    version: str = ""
    digest: str = ""
    run_id: str = ""
    task_id: str = ""
    commit: str = ""
    branch: str = ""
    stage: str = ""
    artifact: ArtifactRef | None = None
    time_us: int | None = None

    def _check(self) -> None:
        check_name(self, self.name)


@dataclass(frozen=True, slots=True)
class Metric(Noun):
    """One measured quality.

    Attributes:
        name: What is measured: ``"auc"``.
        value: How much; NaN where it can't be told.
        greater_is_better: Which way is better; None where neither is.
        low: The lower end of the interval of confidence; None where that is not known.
        high: The upper end.
        unit: What it counts; empty for nothing.
    """

    name: str
    value: float
    greater_is_better: bool | None = True
    low: float | None = None
    high: float | None = None
    unit: str = ""

    def _check(self) -> None:
        check_name(self, self.name)
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError(f"metric '{self.name}' has its interval the wrong way round: {self.low}, {self.high}")


@dataclass(frozen=True, slots=True)
class Slice(Noun):
    """How good a model is on a part of the data.

    Attributes:
        name: Which part: ``"country=DE"``.
        metrics: What was measured on it.
        rows: How many rows it has.
    """

    name: str
    metrics: tuple[Metric, ...] = ()
    rows: int | None = None

    def _check(self) -> None:
        check_name(self, self.name)
        check_distinct(f"slice '{self.name}'", "metrics", [metric.name for metric in self.metrics])
        check_counts(self, rows=self.rows)


@dataclass(frozen=True, slots=True)
class BusinessValue(Noun):
    """What something is worth.

    Attributes:
        amount: How much; less than nothing for a loss.
        unit: Of what: ``"EUR"``, ``"hours"``.
        per: In what time or for what: ``"year"``, ``"1,000 customers"``; empty for once.
        basis: How it was worked out.
    """

    amount: float
    unit: str
    per: str = ""
    basis: str = ""

    def _check(self) -> None:
        if not self.unit:
            raise ValueError(f"a value of {self.amount} needs a unit")


@dataclass(frozen=True, slots=True)
class Evaluation(Noun):
    """How good a model is on some data.

    Attributes:
        metrics: What was measured on all of the data.
        slices: The same on parts of it.
        model: Which model; None where it has no name.
        dataset: Which data; None where they have no name.
        rows: How many rows.
        thresholds: Where scores are cut, by name: ``{"churns": 0.35}``.
        value: What the model is worth; None where nobody worked it out.
        time_us: When it was measured; None where that is not known.
    """

    metrics: tuple[Metric, ...]
    slices: tuple[Slice, ...] = ()
    model: ModelRef | None = None
    dataset: DatasetRef | None = None
    rows: int | None = None
    thresholds: Mapping[str, float] = field(default_factory=dict, hash=False)
    value: BusinessValue | None = None
    time_us: int | None = None

    def _check(self) -> None:
        check_distinct("an evaluation", "metrics", [metric.name for metric in self.metrics])
        check_distinct("an evaluation", "slices", [part.name for part in self.slices])
        check_counts(self, rows=self.rows)

    def metric(self, name: str, *, slice: str = "") -> Metric:  # noqa: A002 - the word that users know
        """Give what was measured.

        Args:
            name: Of the metric.
            slice: Of the part of the data; empty for all of it.

        Raises:
            ValueError: There is no such metric or slice.
        """
        if not slice:
            return find(self.metrics, name, "the evaluation", "metric")
        part = find(self.slices, slice, "the evaluation", "slice")
        return find(part.metrics, name, f"slice '{slice}'", "metric")


@dataclass(frozen=True, slots=True)
class Check(Noun):
    """One condition of a decision.

    Attributes:
        name: What was looked at: ``"auc"``, ``"auc on country=DE"``.
        passed: Whether it holds.
        value: What was found; None for what is no number.
        comparison: How value and limit are compared: ``">="``; empty for otherwise.
        limit: What the value is compared with.
        reason: Why, in words.
    """

    name: str
    passed: bool
    value: float | None = None
    comparison: str = ""
    limit: float | None = None
    reason: str = ""

    def _check(self) -> None:
        check_name(self, self.name)
        if self.comparison and self.comparison not in _COMPARISONS:
            raise ValueError(
                f"check '{self.name}' has the comparison '{self.comparison}'; there are {', '.join(_COMPARISONS)}"
            )


@dataclass(frozen=True, slots=True)
class Decision(Noun):
    """Whether something may go on: what a gate says.

    Attributes:
        gate: Who decided: the gate's name.
        passed: Whether it may.
        subject: About what: a model's or data set's name and version.
        checks: What was looked at.
        reasons: Why, in words, the most important first.
        overridden_by: The person who let it pass though a check failed; empty for nobody.
        model: About which model; None for none.
        dataset: About which data; None for none.
        time_us: When; None where that is not known.
    """

    gate: str
    passed: bool
    subject: str = ""
    checks: tuple[Check, ...] = ()
    reasons: tuple[str, ...] = ()
    overridden_by: str = ""
    model: ModelRef | None = None
    dataset: DatasetRef | None = None
    time_us: int | None = None

    def _check(self) -> None:
        check_name(self, self.gate)
        failed = [check.name for check in self.checks if not check.passed]
        if self.passed and failed and not self.overridden_by:
            raise ValueError(
                f"decision '{self.gate}' passed though its check '{failed[0]}' failed;"
                " say in 'overridden_by' who let it pass"
            )

    @property
    def failed(self) -> tuple[Check, ...]:
        """The checks that do not hold."""
        return tuple(check for check in self.checks if not check.passed)


@dataclass(frozen=True, slots=True)
class Prediction(Noun):
    """One prediction in use, and later what came true.

    Attributes:
        id: Names it: what the truth is matched by.
        output: What the model said, as JSON values.
        model: Which model said it; None where that is not known.
        time_us: When it was made; None where that is not known.
        inputs: What the model was given, by name, as JSON values; empty where it was not kept.
        inputs_digest: Tells equal inputs without showing them; empty where that is not known.
        variant: Its part in a comparison: ``"canary"``, ``"shadow"``; empty for none.
        seconds: How long it took; None where that is not known.
        truth: What came true, as JSON values; None where that is not known yet.
        truth_time_us: When that was known.
    """

    id: str
    output: Any = field(hash=False)
    model: ModelRef | None = None
    time_us: int | None = None
    inputs: Mapping[str, Any] = field(default_factory=dict, hash=False)
    inputs_digest: str = ""
    variant: str = ""
    seconds: float | None = None
    truth: Any = field(default=None, hash=False)
    truth_time_us: int | None = None

    def _check(self) -> None:
        if not self.id:
            raise ValueError("a Prediction needs an id")
