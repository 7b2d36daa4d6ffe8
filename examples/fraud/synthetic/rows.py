"""The tables as text, row by row: what numbers of cards, merchants and seconds are called in files."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time

import numpy as np

from synthetic.chargebacks import Report
from synthetic.dirt import Row
from synthetic.population import CATEGORIES, COUNTRIES, Population
from synthetic.trade import Trade

_COUNTRY = np.array(list(COUNTRIES))
_CURRENCY = np.array([currency for currency, _ in COUNTRIES.values()])
_CATEGORY = np.array(list(CATEGORIES))

CHARGEBACK = ("transaction_id", "card_id", "merchant_id", "reported_at", "reason")
"""The columns of chargebacks, of which there may be none on a day."""


def transactions(trade: Trade, people: Population, day: date) -> list[Row]:
    """Say what was paid on a day."""
    merchants = people.merchants
    country = merchants.country[trade.merchant]
    online = merchants.online[trade.merchant]
    touched = (trade.second + trade.card) % 3 > 0  # any habit will do
    channel = np.where(online, "online", np.where(touched, "contactless", "chip"))
    moment = np.datetime64(day, "s") + trade.second
    columns = {
        "transaction_id": [transaction_id(day, number) for number in range(len(trade.card))],
        "time": [f"{text}Z" for text in np.datetime_as_string(moment).tolist()],
        "card_id": [f"C{card:06}" for card in trade.card.tolist()],
        "merchant_id": [f"M{merchant:05}" for merchant in trade.merchant.tolist()],
        "category": _CATEGORY[merchants.category[trade.merchant]].tolist(),
        "amount": [f"{cents // 100}.{cents % 100:02}" for cents in trade.cents.tolist()],
        "currency": _CURRENCY[country].tolist(),
        "country": _COUNTRY[country].tolist(),
        "channel": channel.tolist(),
    }
    names = list(columns)
    return [dict(zip(names, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]


def transaction_id(day: date, number: int) -> str:
    """Name a payment by its day and its place in that day."""
    return f"T{day:%Y%m%d}-{number:06}"


def chargebacks(reports: list[Report]) -> Iterator[Row]:
    """Say what was reported, in order of time."""
    for report in sorted(reports, key=lambda report: (report.at, report.day, report.payment)):
        cells = (
            transaction_id(report.day, report.payment),
            f"C{report.card:06}",
            f"M{report.merchant:05}",
            f"{report.at:%Y-%m-%dT%H:%M:%SZ}",
            report.reason,
        )
        yield dict(zip(CHARGEBACK, cells, strict=True))


def merchants(people: Population) -> Iterator[Row]:
    """Say who is paid."""
    table = people.merchants
    facts = zip(table.country.tolist(), table.category.tolist(), table.online.tolist(), table.opened, strict=True)
    for number, (country, category, online, opened) in enumerate(facts):
        yield {
            "merchant_id": f"M{number:05}",
            "name": f"Synthetic {_CATEGORY[category]} {number}",
            "category": str(_CATEGORY[category]),
            "country": str(_COUNTRY[country]),
            "online": "true" if online else "false",
            "opened_on": f"{opened}",
        }


def cards(people: Population) -> Iterator[Row]:
    """Say who pays with what. A card counts from the midnight after it was given out."""
    for number, (customer, issued) in enumerate(zip(people.cards.customer.tolist(), people.cards.issued, strict=True)):
        yield {
            "card_id": f"C{number:06}",
            "customer_id": f"P{customer:06}",
            "issued_at": f"{datetime.combine(issued, time()):%Y-%m-%dT%H:%M:%SZ}",
        }


def customers(people: Population) -> Iterator[Row]:
    """Say who the customers are, with names and addresses that nobody can have."""
    for number, (country, born) in enumerate(zip(people.customers.tolist(), people.born.tolist(), strict=True)):
        yield {
            "customer_id": f"P{number:06}",
            "name": f"Synthetic Person {number}",
            "email": f"person{number}@synthetic.invalid",
            "country": str(_COUNTRY[country]),
            "born_in": str(born),
        }
