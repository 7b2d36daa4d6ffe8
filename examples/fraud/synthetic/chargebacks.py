"""What is reported later: most fraud after days or weeks, some never, and a few honest payments by mistake."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

import numpy as np

from synthetic.settings import Settings
from synthetic.trade import HONEST, Trade

REPORTED = 0.92  # the share of fraud that is noticed
MISTAKEN = 0.0004  # the share of honest payments that are reported
USUAL_DELAY = 9  # days
LONGEST_DELAY = 75
REASONS = ("not recognised", "not recognised", "card stolen", "not received")


@dataclass(frozen=True)
class Report:
    """A payment that its customer disputes.

    Attributes:
        at: When the dispute begins.
        day: The day of the payment.
        payment: Its place in that day.
        card: What paid.
        merchant: Who was paid.
        reason: What the customer says.
    """

    at: datetime
    day: date
    payment: int
    card: int
    merchant: int
    reason: str


def reports_of(settings: Settings, trade: Trade, day: date) -> Iterator[Report]:
    """Tell which payments of a day will be reported, and when; never before the next day."""
    chance = settings.chance("chargebacks", day.toordinal())
    number = len(trade.cause)
    reported = chance.random(number) < np.where(trade.cause == HONEST, MISTAKEN, REPORTED)
    delays = 1 + np.floor(chance.lognormal(np.log(USUAL_DELAY - 1), 0.7, size=number)).astype(int)
    seconds = chance.integers(8 * 3600, 18 * 3600, size=number)
    reasons = chance.integers(len(REASONS), size=number)
    for payment in np.flatnonzero(reported).tolist():
        after = timedelta(days=int(min(delays[payment], LONGEST_DELAY)), seconds=int(seconds[payment]))
        who = int(trade.card[payment]), int(trade.merchant[payment])
        yield Report(datetime.combine(day, time()) + after, day, payment, *who, REASONS[reasons[payment]])
