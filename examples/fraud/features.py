"""What a model may look at: of a payment, its card and its merchant, as far as it was known at that time.

It works with frames of pandas and of polars alike. Sums are of whole cents, so that their order does not matter.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any

import narwhals as nw

from hookline import step
from hookline_data import Dataset

# What one euro was worth when the example was written; real work would join the rates of the day.
RATES = {"CHF": 0.95, "EUR": 1.0, "GBP": 0.85, "PLN": 4.3, "USD": 1.1}

COUNTS = ("payments", "spent", "payments_day_ago", "spent_day_ago", "disputes")


def put_together(tables: Sequence[Any], *order: str) -> nw.DataFrame[Any]:
    """Put the tables of several days into one, in an order."""
    frames = [nw.from_native(table, eager_only=True) for table in tables]
    return nw.concat(frames).sort(*order)


def cents() -> nw.Expr:
    """Say amounts in cents of a euro."""
    rate = nw.col("currency").replace_strict(list(RATES), list(RATES.values()), return_dtype=nw.Float64)
    return (nw.col("amount") / rate * 100 + 0.5).floor().cast(nw.Int64)


@step
def card_totals(payments: list[Any]) -> Any:
    """Say after each payment how often its card has paid until then, and how much in all."""
    table = put_together(payments, "time", "transaction_id").with_columns(payments=nw.lit(1), spent=cents())
    sums = [nw.col(name).cum_sum().over("card_id") for name in ("payments", "spent")]
    return nw.maybe_reset_index(table.select("card_id", "time", *sums)).to_native()


@step
def merchant_disputes(chargebacks: list[Any]) -> Any:
    """Say after each chargeback how many of its merchant's payments have been disputed until then."""
    table = put_together(chargebacks, "reported_at", "transaction_id").with_columns(disputes=nw.lit(1))
    counted = table.select("merchant_id", "reported_at", nw.col("disputes").cum_sum().over("merchant_id"))
    return nw.maybe_reset_index(counted).to_native()


@step
def holders(cards: Any, customers: Any) -> Any:
    """Say of each card when it was given out and where its holder lives; nothing else about persons goes on."""
    homes = nw.from_native(customers, eager_only=True).select("customer_id", home="country")
    joined = nw.from_native(cards, eager_only=True).join(homes, on="customer_id", how="left")
    return joined.select("card_id", "issued_at", "home").to_native()


@step
def make_features(joined: Any, day: date) -> Dataset:
    """Make the day's part of the data set 'features'. What was never seen before counts as nothing."""
    table = nw.from_native(joined, eager_only=True)
    table = table.with_columns(nw.col(name).fill_null(0).cast(nw.Int64) for name in COUNTS)
    amount = cents() / 100
    usual = nw.when(nw.col("payments") > 0).then(nw.col("spent") / nw.col("payments") / 100).otherwise(amount)
    made = table.select(
        "transaction_id",
        "time",
        "card_id",
        "merchant_id",
        "category",
        amount=amount,
        hour=nw.col("time").dt.hour().cast(nw.Int64),
        online=nw.col("channel") == "online",
        abroad=nw.col("country") != nw.col("home"),
        card_age_days=nw.col("age").dt.total_minutes() // (24 * 60),
        card_payments_1d=nw.col("payments") - nw.col("payments_day_ago"),
        card_spent_1d=(nw.col("spent") - nw.col("spent_day_ago")) / 100,
        times_usual=amount / usual,
        merchant_disputes="disputes",
        disputed_at="disputed_at",
    )
    return Dataset("features", nw.maybe_reset_index(made).to_native(), key=("transaction_id",), partition=f"{day}")
