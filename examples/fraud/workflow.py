"""Makes features of card payments, day by day, and a training set of them: clean, as known at the time, without leaks.

Run it in this folder, after python generate.py: hookline run workflow.py:daily --day 2026-01-20
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Annotated, Any

import narwhals as nw

from features import card_totals, holders, make_features, merchant_disputes
from hookline import log_artifact, log_metric, step, workflow
from hookline.ml import Column, Schema
from hookline_data import Checked, Dataset, check_leakage, join_asof, labels, load, profile, split, validate

FIRST_DAY = date(2026, 1, 1)
FEATURES = Dataset.named("features")


@step
def once(payments: Any) -> Annotated[Any, Checked("contracts/payments.yaml")]:
    """Keep the first row of each payment, for one that is told twice was made once; keep the others as an artifact."""
    table = nw.from_native(payments, eager_only=True)
    first = table["transaction_id"].is_first_distinct()
    repeated = table.filter(~first)
    log_metric("repeated", len(repeated))
    if len(repeated):
        log_artifact("repeated", repeated.to_native())
    return nw.maybe_reset_index(table.filter(first)).to_native()


@step
def remember(table: Any, name: str) -> Dataset:
    """Give a table a name, by which its versions are known."""
    return Dataset(name, table, key=("transaction_id",))


def of_day(day: date) -> Schema:
    """Say that a file's payments are of its day."""
    time = Column("time", "datetime", minimum=f"{day}T00:00:00Z", maximum=f"{day}T23:59:59.999999Z")
    return Schema((time,), name=f"payments of {day}", open=True)


def days_until(day: date, many: int, first: date = FIRST_DAY) -> list[date]:
    """List a day and some days before it, as far as there are any."""
    return [day - timedelta(back) for back in range(many, -1, -1) if day - timedelta(back) >= first]


def clean(days: Sequence[date]):
    """Load the payments of some days, and put aside what breaks the contract, is of another day, or comes twice."""
    loaded = load.partial("transactions").map(partition=days)
    checked = validate.partial(mode="quarantine").map(table=loaded, schema=[of_day(day) for day in days])
    return once.map(payments=checked)


@workflow
def daily(day: date = FIRST_DAY, since: date = FIRST_DAY, history: int = 7, memory: int = 28):
    """Make the features of one day's payments, each as it was known at its time.

    Args:
        day: The day.
        since: The first day that there are data of.
        history: How many days back a card's payments count.
        memory: How many days back a merchant's chargebacks count.
    """
    totals = card_totals(clean(days_until(day, history, since)))
    disputes = merchant_disputes(load.partial("chargebacks").map(partition=days_until(day, memory, since)))
    people = holders(load("cards"), load("customers"))
    rows = once(validate(load("transactions", day), of_day(day), mode="quarantine"))
    rows = join_asof(rows, totals, on="time", by="card_id", embargo="1s", ties="last")
    rows = join_asof(rows, totals, on="time", by="card_id", embargo="1d", ties="last", suffix="_day_ago")
    rows = join_asof(
        rows,
        disputes,
        left_time="time",
        right_time="reported_at",
        by="merchant_id",
        ties="last",
        matched_time="disputed_at",
    )
    rows = join_asof(rows, people, left_time="time", right_time="issued_at", by="card_id", age="age")
    return make_features(rows, day)


@workflow
def training_set(features: Dataset = FEATURES, as_of: date = date(2026, 3, 31), delay: str = "45d", gap: str = "7d"):
    """Label the features by what was known at the end of a day, and split them by time.

    Args:
        features: The features; all days that there are, unless a version or a day is named.
        as_of: The day at whose end to look at the chargebacks.
        delay: How long chargebacks may take; younger payments are not learned from.
        gap: How long before the test's begin nothing is learned from, since features look back so far.
    """
    moment = f"{as_of + timedelta(1)}T00:00:00+00:00"
    known = labels(
        features.table,
        load("chargebacks"),
        key="transaction_id",
        time="time",
        reported="reported_at",
        delay=delay,
        as_of=moment,
    )
    parts = split(known.mature, "time", time="time", training=0.75, test=0.25, gap=gap)
    # The same cards pay before and after: that is how the model will be used, so it is told and allowed.
    leaks = check_leakage(
        parts.training,
        test=parts.test,
        entity="card_id",
        time="time",
        known_at=["disputed_at"],
        key="transaction_id",
        target="label",
        allow=["entity overlap"],
    )
    profile(parts.training, "training")  # what later payments will be compared with
    return {
        "training": remember.when(leaks.passed)(parts.training, "training"),
        "test": remember.when(leaks.passed)(parts.test, "test"),
        "without leaks": leaks.passed,
    }
