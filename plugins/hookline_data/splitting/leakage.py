"""Checks whether what a model learns from knows something of what it is tested with, or of the answer."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING, Any, Literal

from hookline import HooklineError, log_artifact, step
from hookline.ml import Check
from hookline_data.splitting.asked import check_arguments
from hookline_data.splitting.copies import best_measure, prepare
from hookline_data.splitting.likeness import distinct_shared, hashes, shared_rows, unlike
from hookline_data.splitting.report import LeakageReport, Untested
from hookline_data.tables.columns import Names, check_columns, names_of, present
from hookline_data.tables.frames import Frame, named_frame, same_library
from hookline_data.tables.kinds import known_kind
from hookline_data.tables.times import as_times, common_clock

if TYPE_CHECKING:
    import narwhals as nw

__all__ = ["check_leakage"]

_NOT_GIVEN = " is not given"
_log = logging.getLogger(__name__)


@step(name="data.check_leakage")
def check_leakage(
    training: Frame,
    validation: Frame | None = None,
    test: Frame | None = None,
    *,
    entity: Names = (),
    time: str = "",
    known_at: Names = (),
    key: Names = (),
    target: str = "",
    ignore: Names = (),
    allow: Names = (),
    limit: float = 0.999,
    support: int = 20,
    mode: Literal["fail", "warn"] = "fail",
) -> LeakageReport:
    """Check whether training data know something of validation and test, or of the target.

    The tests; each is in the report, with what was found or why it could not be made:

    - ``entity overlap``: an entity has rows in two parts.
    - ``rows from the future``: a row is not older than all rows of the next part.
    - ``values from the future``: a value became known after the row's time.
    - ``same keys``: a key comes in two parts.
    - ``equal rows``: a row of a later part is equal to one of an earlier part in all columns but keys and ignored ones.
    - ``copies``: a column of training tells the target all but perfectly. For classes: how much of the errors of always
      guessing the commonest class is spared by taking the commonest class of each value, or by whether the value is
      missing; for two classes also the AUC of the column's order. For other numbers: the rank correlation.

    Args:
        training: To learn from.
        validation: To choose by; an empty table counts as none.
        test: To judge by; likewise.
        entity: The columns that name what must not be in two parts, such as customers.
        time: The column that tells when a row came to be.
        known_at: Columns that tell when values of the row became known, such as the ``matched_time`` of a join.
        key: The columns that identify a row.
        target: The column to be predicted.
        ignore: Columns that are neither looked at for copies nor compared, such as numbers of rows.
        allow: Kinds of tests that may fail without harm: they are told, and the check passes.
        limit: The measure from which on a column is a copy of the target.
        support: How many rows a class or value needs to be judged by.
        mode: Whether a leak fails the step, or is told only.

    Raises:
        HooklineError: There is a leak, and the mode is ``fail``; or columns are missing.
        UsageError: Arguments make no sense.
    """
    frames = {
        name: named_frame(table, f"the part '{name}'")
        for name, table in (("training", training), ("validation", validation), ("test", test))
        if table is not None
    }
    same_library(*(table for table in (training, validation, test) if table is not None))
    allowed = names_of(allow)
    check_arguments(allowed, limit, support, mode)
    asked = _Asked(
        {name: frame for name, frame in frames.items() if len(frame) or name == "training"},
        names_of(entity), time, names_of(known_at), names_of(key), target, names_of(ignore), limit, support,
    )  # fmt: skip
    for name, frame in frames.items():
        check_columns(frame, asked.named, f"the part '{name}'")
    found = [result for made in _MADE for result in made(asked)]
    checks = tuple(result for result in found if isinstance(result, Check))
    bad = [check for check in checks if not check.passed]
    harmful = [check for check in bad if check.name.partition(":")[0] not in allowed]
    report = LeakageReport(
        not harmful, checks, tuple(result for result in found if isinstance(result, Untested)), tuple(allowed)
    )
    _tell(report, harmful, mode)
    return report


@dataclass(frozen=True, slots=True)
class _Asked:
    """Parts, and what is to be tested."""

    parts: dict[str, nw.DataFrame[Any]]
    entity: list[str]
    time: str
    known_at: list[str]
    key: list[str]
    target: str
    ignore: list[str]
    limit: float
    support: int
    hashed: dict[tuple[str, ...], nw.Series[Any]] = field(default_factory=dict)

    @property
    def named(self) -> list[str]:
        """The columns that every part must have."""
        return [*self.entity, *filter(None, [self.time, self.target]), *self.known_at, *self.key, *self.ignore]

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """Names of an earlier and a later part."""
        return list(combinations(self.parts, 2))

    def rows(self, part: str, columns: Sequence[str]) -> nw.Series[Any]:
        """Give hashes of a part's rows over some columns; each is made once, though parts are compared in pairs."""
        at = (part, *columns)
        if at not in self.hashed:
            self.hashed[at] = hashes(self.parts[part], columns)
        return self.hashed[at]


_Results = Iterator[Check | Untested]


def _entity_overlap(asked: _Asked) -> _Results:
    yield from _shared(asked, "entity overlap", asked.entity, "entity", "entities")


def _same_keys(asked: _Asked) -> _Results:
    yield from _shared(asked, "same keys", asked.key, "key", "keys")


def _shared(asked: _Asked, test: str, columns: list[str], argument: str, nouns: str) -> _Results:
    """Look for values that two parts share; rows without one belong to nobody."""
    if not columns:
        yield Untested(test, f"'{argument}'{_NOT_GIVEN}")
        return
    for one, other, name in _comparable(asked, test, columns):
        if isinstance(name, Untested):
            yield name
            continue
        kept = [asked.rows(part, columns).filter(present(asked.parts[part], columns)) for part in (one, other)]
        count = distinct_shared(*kept)
        yield _none_found(name, count, f"{count} {nouns} are in both ({', '.join(columns)})")


def _equal_rows(asked: _Asked) -> _Results:
    leave = {*asked.key, *asked.ignore}
    columns = [column for column in asked.parts["training"].columns if column not in leave]
    for one, other, name in _comparable(asked, "equal rows", columns):
        if isinstance(name, Untested):
            yield name
            continue
        count = shared_rows(asked.rows(one, columns), asked.rows(other, columns))
        yield _none_found(name, count, f"{count} rows of {other} are equal to rows of {one}")


def _comparable(asked: _Asked, test: str, columns: list[str]) -> Iterator[tuple[str, str, str | Untested]]:
    """Give pairs of parts with the name of their test, or with why it can't be made."""
    if not asked.pairs:
        yield "", "", Untested(test, "there is only one part that has rows")
    for one, other in asked.pairs:
        named = f"{test}: {one}, {other}"
        lacking = [(part, name) for part in (one, other) for name in columns if name not in asked.parts[part].columns]
        reason = f"{lacking[0][0]} has no column '{lacking[0][1]}'" if lacking else ""
        reason = reason or ("there are no columns to compare" if not columns else "")
        reason = reason or unlike(asked.parts[one], asked.parts[other], columns)
        yield one, other, Untested(named, reason) if reason else named


def _future_rows(asked: _Asked) -> _Results:
    test = "rows from the future"
    if not asked.time or not asked.pairs:
        yield Untested(test, "there is only one part that has rows" if asked.time else f"'time'{_NOT_GIVEN}")
        return
    for one, other in asked.pairs:
        whats = (f"column '{asked.time}' of {one}", f"column '{asked.time}' of {other}")
        early, late = (
            _times(asked.parts[part], asked.time, what) for part, what in zip((one, other), whats, strict=True)
        )
        if not len(early) or not len(late):
            yield Untested(f"{test}: {one}, {other}", f"no row has a value in column '{asked.time}'")
            continue
        clock = common_clock(early, late, whats)
        start = clock.ticks(late, whats[1]).min()
        count = int((clock.ticks(early, whats[0]) >= start).sum())
        yield _none_found(
            f"{test}: {one}, {other}", count, f"{count} rows of {one} are not older than the first of {other}"
        )


def _future_values(asked: _Asked) -> _Results:
    test = "values from the future"
    if not asked.known_at or not asked.time:
        yield Untested(test, f"'{'known_at' if asked.time else 'time'}'{_NOT_GIVEN}")
        return
    for column in asked.known_at:
        count = 0
        for part, frame in asked.parts.items():
            there = frame.filter(present(frame, [column, asked.time]))
            whats = (f"column '{column}' of {part}", f"column '{asked.time}' of {part}")
            if not len(there):
                continue
            known, when = as_times(there[column], whats[0]), as_times(there[asked.time], whats[1])
            clock = common_clock(known, when, whats)
            count += int((clock.ticks(known, whats[0]) > clock.ticks(when, whats[1])).sum())
        yield _none_found(f"{test}: {column}", count, f"{count} rows have a '{column}' after their '{asked.time}'")


def _copies(asked: _Asked) -> _Results:
    if not asked.target:
        yield Untested("copies", f"'target'{_NOT_GIVEN}")
        return
    frame = asked.parts["training"]
    frame = frame.filter(present(frame, [asked.target]))
    kind, target = known_kind(frame[asked.target])
    if not len(frame) or kind in ("list", "object"):
        why = f"the target holds {kind}s, which can't be compared" if len(frame) else "no row of training has a target"
        yield Untested("copies", why)
        return
    prepared = prepare(target, asked.support)
    if isinstance(prepared, str):
        yield Untested("copies", prepared)
        return
    leave = {asked.target, asked.time, *asked.entity, *asked.key, *asked.ignore}
    for column in frame.columns:
        if column in leave:
            continue
        name = f"copies: {column}"
        kind, values = known_kind(frame[column])
        if kind in ("list", "object"):
            yield Untested(name, f"it holds {kind}s, which can't be compared")
            continue
        copy = best_measure(_with_order(kind, values), prepared, asked.support)
        if copy is None:
            yield Untested(name, "it has too few values to judge by")
            continue
        yield Check(name, copy.value < asked.limit, copy.value, "<", asked.limit, copy.words)


def _with_order(kind: str, values: nw.Series[Any]) -> nw.Series[Any]:
    """Give what has an order as what libraries know the order of, also where pandas holds objects."""
    import narwhals as nw

    if kind == "date":
        return as_times(values, "the column")
    return values.cast(nw.Float64) if kind == "decimal" else values


_MADE = (_entity_overlap, _future_rows, _future_values, _same_keys, _equal_rows, _copies)


def _times(frame: nw.DataFrame[Any], name: str, what: str) -> nw.Series[Any]:
    return as_times(frame[name], what).filter(present(frame, [name]))


def _none_found(name: str, count: int, reason: str) -> Check:
    return Check(name, not count, count, "<=", 0, reason if count else "none")


def _tell(report: LeakageReport, harmful: Sequence[Check], mode: str) -> None:
    log_artifact("leakage report", report)
    for test in report.untested:
        # What was not asked for is no surprise.
        if not test.reason.endswith(_NOT_GIVEN):
            _log.warning("not tested: %s: %s", test.name, test.reason)
    if not report.failed:
        return
    listed = "\n".join(f"  - {check.name}: {check.reason}" for check in report.failed)
    if harmful and mode == "fail":
        raise HooklineError(
            f"{len(harmful)} tests found leakage:\n"
            + "\n".join(f"  - {check.name}: {check.reason}" for check in harmful),
            help="mend the split or leave the columns out; what is meant to be so, name in 'allow' or 'ignore'",
        )
    _log.warning("%d tests found leakage:\n%s", len(report.failed), listed)
