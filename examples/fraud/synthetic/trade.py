"""What happens on one day: ordinary payments, payments with stolen cards, and bursts of the rings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np

from synthetic.population import CATEGORIES, COUNTRIES, RATES, RINGS, RISKY, Population
from synthetic.settings import Settings

HONEST, STOLEN = 0, -1
"""What a payment's cause is; that of a ring is its number, from 1."""

RING_SHARE = 0.6  # of all fraud; the rest is stolen cards
BURST_WEEKS = 0.6  # the share of weeks in which a ring is at work
BURST_DAYS = (1, 2, 3)  # how long that takes
ACTIVE = BURST_WEEKS * sum(BURST_DAYS) / len(BURST_DAYS) / 7  # the share of days, on average

# How much is paid in each hour of a working day and of a weekend.
HOURS = np.array(
    [
        [1, 1, 1, 1, 1, 2, 5, 9, 9, 7, 7, 10, 13, 10, 8, 8, 10, 14, 15, 12, 9, 6, 4, 2],
        [3, 2, 1, 1, 1, 1, 2, 4, 8, 13, 16, 16, 14, 13, 13, 12, 11, 11, 12, 13, 12, 9, 7, 5],
    ]
)
WEEKDAYS = np.array([0.92, 0.94, 0.97, 1.02, 1.18, 1.14, 0.83])
USUAL = np.array([amount for amount, _, _ in CATEGORIES.values()], dtype=float)
DEMAND = np.array([share for _, share, _ in CATEGORIES.values()])


@dataclass(frozen=True)
class Trade:
    """Payments by number.

    Attributes:
        second: When, in seconds from the begin of the day.
        card: Which card paid.
        merchant: Who was paid.
        cents: How much, in hundredths of the currency of the merchant's country.
        cause: ``HONEST``, ``STOLEN``, or the number of a ring.
    """

    second: np.ndarray
    card: np.ndarray
    merchant: np.ndarray
    cents: np.ndarray
    cause: np.ndarray


def trade_of(settings: Settings, people: Population, day: date) -> Trade:
    """Make up the payments of a day, in order of time. They depend on that day alone."""
    chance = settings.chance("trade", day.toordinal())
    drift = settings.drift_on(day)
    number = int(chance.poisson(settings.rows * WEEKDAYS[day.weekday()]))
    parts = [_payments(chance, people, day, number, drift)]
    _steal(chance, people, parts[0], settings.fraud * (1 - RING_SHARE))
    parts += [
        _burst(chance, people, number, settings) for number in range(1, RINGS + 1) if is_active(settings, number, day)
    ]
    whole = Trade(*(np.concatenate(columns) for columns in zip(*(vars(part).values() for part in parts), strict=True)))
    order = np.argsort(whole.second, kind="stable")
    return Trade(*(column[order] for column in vars(whole).values()))


def is_active(settings: Settings, ring: int, day: date) -> bool:
    """Tell whether a ring is at work on a day: in most weeks, for one to three days that may go on into the next."""
    week, weekday = divmod(day.toordinal(), 7)
    for back in (0, 1):
        chance = settings.chance(f"ring {ring}", week - back)
        comes, begin, length = chance.random() < BURST_WEEKS, chance.integers(7), chance.choice(BURST_DAYS)
        if comes and begin <= weekday + 7 * back < begin + length:
            return True
    return False


def _payments(chance: np.random.Generator, people: Population, day: date, number: int, drift: float) -> Trade:
    """Let people buy what they usually buy, mostly where they live."""
    card = np.searchsorted(people.cards.activity, chance.random(number), side="right")
    abroad = chance.random(number) < 0.04
    country = np.where(abroad, chance.integers(len(COUNTRIES), size=number), people.cards.country[card])
    category = chance.choice(len(CATEGORIES), size=number, p=DEMAND / DEMAND.sum())
    category = np.where(chance.random(number) < drift, chance.choice(RISKY, size=number), category)
    merchant = _merchants(chance, people, country, category)
    hours = HOURS[int(day.weekday() >= 5)]
    second = chance.choice(24, size=number, p=hours / hours.sum()) * 3600 + chance.integers(3600, size=number)
    euros = USUAL[category] * people.cards.spending[card] * chance.lognormal(0, 0.55, size=number) * (1 + drift)
    return Trade(second, card, merchant, _cents(euros, country), np.full(number, HONEST))


def _steal(chance: np.random.Generator, people: Population, trade: Trade, share: float) -> None:
    """Make some of the payments a thief's: at night, anywhere, for much, of things that can be sold again."""
    number = int(chance.binomial(len(trade.card), share))
    country = chance.integers(len(COUNTRIES), size=number)
    category = chance.choice(RISKY, size=number)
    trade.merchant[:number] = _merchants(chance, people, country, category)
    trade.second[:number] = chance.integers(6 * 3600, size=number)
    trade.cents[:number] = _cents(USUAL[category] * chance.uniform(2, 6, size=number), country)
    trade.cause[:number] = STOLEN


def _burst(chance: np.random.Generator, people: Population, ring: int, settings: Settings) -> Trade:
    """Let a few of a ring's cards pay its merchants within two hours, always a little less than 500 euros."""
    number = int(chance.poisson(settings.rows * settings.fraud * RING_SHARE / (RINGS * ACTIVE)))
    members = people.rings[ring - 1]
    cards = chance.choice(members.cards, size=max(2, len(members.cards) // 5), replace=False)
    merchant = chance.choice(members.merchants, size=number)
    second = chance.integers(22 * 3600) + chance.integers(2 * 3600, size=number)
    cents = _cents(chance.uniform(420, 499, size=number), people.merchants.country[merchant])
    return Trade(second, chance.choice(cards, size=number), merchant, cents, np.full(number, ring))


def _merchants(
    chance: np.random.Generator, people: Population, country: np.ndarray, category: np.ndarray
) -> np.ndarray:
    """Choose among the merchants of a country and category, of which the first are the most popular."""
    group = country * len(CATEGORIES) + category
    spread = chance.random(len(group)) ** 2
    merchants = people.merchants
    chosen: np.ndarray = merchants.first[group] + (merchants.many[group] * spread).astype(int)
    return chosen


def _cents(euros: np.ndarray, country: np.ndarray) -> np.ndarray:
    cents: np.ndarray = np.maximum(np.rint(euros * RATES[country] * 100), 50).astype(int)
    return cents
