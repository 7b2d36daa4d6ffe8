"""Who pays and who is paid: customers, their cards, merchants, and the rings that some of them form."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from synthetic.settings import Settings

# Currency, and how much of it is one euro.
COUNTRIES = {
    "CH": ("CHF", 0.95),
    "DE": ("EUR", 1.0),
    "FR": ("EUR", 1.0),
    "GB": ("GBP", 0.85),
    "PL": ("PLN", 4.3),
    "US": ("USD", 1.1),
}
# A usual amount in euros, how often one buys such things, and the share of merchants that sell on the web.
CATEGORIES = {
    "cash": (90, 0.06, 0.0),
    "clothing": (55, 0.09, 0.5),
    "electronics": (160, 0.04, 0.7),
    "entertainment": (30, 0.08, 0.6),
    "fuel": (60, 0.10, 0.0),
    "gambling": (45, 0.02, 1.0),
    "groceries": (35, 0.32, 0.1),
    "pharmacy": (22, 0.07, 0.2),
    "restaurants": (28, 0.18, 0.0),
    "travel": (240, 0.04, 0.8),
}
CURRENCIES = tuple(sorted({currency for currency, _ in COUNTRIES.values()}))
RATES = np.array([rate for _, rate in COUNTRIES.values()])
RISKY = tuple(sorted(CATEGORIES).index(name) for name in ("electronics", "gambling", "travel"))
"""What thieves buy, and where trade drifts to."""

RINGS = 4
GROUPS = len(COUNTRIES) * len(CATEGORIES)


@dataclass(frozen=True)
class Cards:
    """Cards by number.

    Attributes:
        customer: Whose each is.
        country: Where that customer lives.
        spending: How much more or less than others the customer spends.
        activity: The share of the trade up to and with each card.
        issued: When each was given out.
    """

    customer: np.ndarray
    country: np.ndarray
    spending: np.ndarray
    activity: np.ndarray
    issued: list[date]


@dataclass(frozen=True)
class Merchants:
    """Merchants by number, in order of country and category.

    Attributes:
        country: Where each is.
        category: What each sells.
        online: Whether it sells on the web.
        first: The number of the first of each country and category, ``country * len(CATEGORIES) + category``.
        many: How many there are of each.
        opened: When each began.
    """

    country: np.ndarray
    category: np.ndarray
    online: np.ndarray
    first: np.ndarray
    many: np.ndarray
    opened: list[date]


@dataclass(frozen=True)
class Ring:
    """Cards in wrong hands and the merchants that help."""

    cards: np.ndarray
    merchants: np.ndarray


@dataclass(frozen=True)
class Population:
    """All that does not change from day to day.

    Attributes:
        customers: The country in which each customer lives.
        born: The year in which each was born.
    """

    customers: np.ndarray
    born: np.ndarray
    cards: Cards
    merchants: Merchants
    rings: list[Ring]


def make_population(settings: Settings) -> Population:
    """Make up the people and shops."""
    chance = settings.chance("population")
    number = max(60, settings.rows // 2)
    homes = chance.choice(len(COUNTRIES), size=max(50, number * 4 // 5))
    cards = _cards(chance, homes, number, settings.start)
    merchants = _merchants(chance, max(2 * GROUPS, settings.rows // 10), settings.start)
    rings = _rings(chance, number, merchants)
    return Population(homes, chance.integers(1940, 2008, size=len(homes)), cards, merchants, rings)


def _cards(chance: np.random.Generator, homes: np.ndarray, number: int, start: date) -> Cards:
    """Give each customer a card, and some a second one."""
    second = chance.choice(len(homes), size=number - len(homes), replace=False)
    customer = np.concatenate([np.arange(len(homes)), second])
    wealth = chance.lognormal(0, 0.4, size=len(homes))
    activity = np.cumsum(chance.gamma(2, size=number))
    return Cards(
        customer=customer,
        country=homes[customer],
        spending=wealth[customer],
        activity=activity / activity[-1],
        issued=_days_before(chance, number, start, 5 * 365),
    )


def _merchants(chance: np.random.Generator, number: int, start: date) -> Merchants:
    """Put at least one merchant into each country and category, so that everybody finds one."""
    groups = np.sort(np.concatenate([np.arange(GROUPS), chance.choice(GROUPS, size=number - GROUPS)]))
    country, category = np.divmod(groups, len(CATEGORIES))
    shares = np.array([share for _, _, share in CATEGORIES.values()])
    return Merchants(
        country=country,
        category=category,
        online=chance.random(number) < shares[category],
        first=np.searchsorted(groups, np.arange(GROUPS)),
        many=np.bincount(groups, minlength=GROUPS),
        opened=_days_before(chance, number, start, 20 * 365),
    )


def _rings(chance: np.random.Generator, cards: int, merchants: Merchants) -> list[Ring]:
    """Form rings that share neither cards nor merchants."""
    each = max(3, cards // 50)
    members = chance.permutation(cards)[: RINGS * each].reshape(RINGS, each)
    fit = chance.permutation(np.flatnonzero(np.isin(merchants.category, RISKY)))[: RINGS * 2].reshape(RINGS, 2)
    return [Ring(*pair) for pair in zip(members, fit, strict=True)]


def _days_before(chance: np.random.Generator, number: int, start: date, most: int) -> list[date]:
    return [start - timedelta(int(days)) for days in chance.integers(1, most, size=number)]
