"""Makes features of card payments, day by day, and a training set of them: clean, as known at the time, without leaks.

Run it in this folder, after python generate.py: hookline run workflow.py:daily --day 2026-01-20
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple

import narwhals as nw

import features
from hookline import log_metric, step, workflow
from hookline.ml import Column, Schema
from hookline_data import Dataset, join_asof, labels, load, profile, screen, split

FIRST_DAY = date(2026, 1, 1)


class Payments(NamedTuple):
    once: Any
    repeated: Any


@step
def put_repeated_aside(payments: Any) -> Payments:
    """Keep the first row of each payment; a payment that is told twice was made once."""
    table = nw.from_native(payments, eager_only=True)
    first = table["transaction_id"].is_first_distinct()
    log_metric("repeated rows", len(table) - int(first.sum()))
    return Payments(table.filter(first).to_native(), table.filter(~first).to_native())


@step
def card_totals(payments: list[Any]) -> Any:
    return features.card_totals(payments)


@step
def merchant_disputes(chargebacks: list[Any]) -> Any:
    return features.merchant_disputes(chargebacks)


@step
def holders(cards: Any, customers: Any) -> Any:
    return features.holders(cards, customers)


@step
def make_features(joined: Any, day: date) -> Dataset:
    """Make the day's part of the data set 'features'."""
    return Dataset("features", features.as_features(joined), key=("transaction_id",), partition=f"{day}")


def of_day(day: date) -> Schema:
    """Say that a file's payments are of its day."""
    time = Column("time", "datetime", minimum=f"{day}T00:00:00Z", maximum=f"{day}T23:59:59.999999Z")
    return Schema((time,), name=f"payments of {day}", open=True)


def days_until(day: date, many: int, first: date = FIRST_DAY) -> list[date]:
    """List a day and some days before it, as far as there are any."""
    return [day - timedelta(back) for back in range(many, -1, -1) if day - timedelta(back) >= first]


def clean(days: Sequence[date]):
    """Load the payments of some days, and put aside what is wrong: by the contract, by the day, and what comes twice."""
    loaded = load.partial("transactions").map(partition=days)
    screened = screen.partial(mode="quarantine").map(table=loaded, schema=[of_day(day) for day in days])
    return put_repeated_aside.map(payments=screened.valid)


@workflow
def daily(day: date = FIRST_DAY, since: date = FIRST_DAY, history: int = 7, memory: int = 28):
    """Make the features of one day's payments, each as it was known at its time.

    Args:
        day: The day.
        since: The first day that there are data of.
        history: How many days back a card's payments count.
        memory: How many days back a merchant's chargebacks count.
    """
    totals = card_totals(clean(days_until(day, history, since)).once)
    disputes = merchant_disputes(load.partial("chargebacks").map(partition=days_until(day, memory, since)))
    people = holders(load("cards"), load("customers"))
    rows = clean_day(day)
    rows = join_asof(rows, totals, on="time", by="card_id", embargo="1s", ties="last")
    rows = join_asof(rows, totals, on="time", by="card_id", embargo="1d", ties="last", suffix="_day_ago")
    rows = join_asof(rows, disputes, left_time="time", right_time="reported_at", by="merchant_id", ties="last")
    rows = join_asof(rows, people, left_time="time", right_time="issued_at", by="card_id", age="age")
    return make_features(rows, day)
