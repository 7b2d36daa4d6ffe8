"""What can be chosen about the data that are made up, and where its chance comes from."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from datetime import date, timedelta
from difflib import get_close_matches

import numpy as np

FAULTS = (
    "amount_no_number",
    "amount_negative",
    "card_missing",
    "category_misspelt",
    "country_unknown",
    "currency_unknown",
    "id_repeated",
    "time_of_other_day",
    "time_unreadable",
)
"""The kinds of faults that can be put into the transactions."""

LONGEST_DRIFT = 30
"""After how many days drift has reached its full strength."""


@dataclass(frozen=True)
class Settings:
    """What to make up. The same settings give the same bytes, and a day is the same however many follow it.

    Attributes:
        start: The first day.
        days: How many days.
        rows: How many transactions a day has on average; there are more cards and merchants where there are more.
        seed: Another one makes other people, shops, transactions and faults.
        fraud: The share of the transactions that is fraud.
        dirt: The share of the rows that get a fault.
        faults: Which kinds of faults, of :data:`FAULTS`.
        drift: How much amounts rise, and which share of the trade goes elsewhere, in the end: 0 is nothing.
        drift_from: The day on which that begins; 45 days after the start by default.
    """

    start: date = date(2026, 1, 1)
    days: int = 90
    rows: int = 2000
    seed: int = 7
    fraud: float = 0.01
    dirt: float = 0.01
    faults: tuple[str, ...] = FAULTS
    drift: float = 0.0
    drift_from: date | None = None

    def __post_init__(self) -> None:
        for name, least, most in (("days", 1, 3660), ("rows", 20, 1_000_000), ("seed", 0, 2**64 - 1)):
            if not least <= getattr(self, name) <= most:
                raise ValueError(f"'{name}' is {getattr(self, name)}, not between {least} and {most}")
        for name, limit in (("fraud", 0.5), ("dirt", 0.5), ("drift", 1)):
            if not 0 <= getattr(self, name) <= limit:
                raise ValueError(f"'{name}' is {getattr(self, name)}, not between 0 and {limit}")
        if not 1970 <= self.start.year <= 2200:
            raise ValueError(f"'start' is {self.start}, not between the years 1970 and 2200")
        for kind in self.faults:
            if kind not in FAULTS:
                near = get_close_matches(kind, FAULTS, n=1)
                known = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(FAULTS)}"
                raise ValueError(f"there are no faults of the kind '{kind}'; {known}")
        if self.dirt and not self.faults:
            raise ValueError("'dirt' needs kinds of faults; choose some, or no dirt")

    @property
    def dates(self) -> list[date]:
        """The days, in order."""
        return [self.start + timedelta(number) for number in range(self.days)]

    def drift_on(self, day: date) -> float:
        """Tell how far the drift has come on a day: it grows evenly until it has its full strength."""
        begin = self.drift_from or self.start + timedelta(45)
        return self.drift * min(max((day - begin).days / LONGEST_DRIFT, 0.0), 1.0)

    def chance(self, purpose: str, number: int = 0) -> np.random.Generator:
        """Give each purpose and day random numbers of its own, so that none depends on how many others drew."""
        return np.random.default_rng([self.seed, zlib.crc32(purpose.encode()), number])
