"""Faults in a table of transactions, as they come from systems that others run; it is noted where each one is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta

import numpy as np

from synthetic.population import CATEGORIES
from synthetic.settings import Settings

Row = dict[str, str]
Change = Callable[[Row, np.random.Generator], Row]
"""Tells what becomes of some cells of a row."""


def soil(settings: Settings, rows: list[Row], day: date) -> tuple[list[Row], dict[str, list[int]]]:
    """Put faults into some rows, one into each.

    Returns:
        The rows, some changed and some there twice; and by kind of fault the numbers of the rows with it, from 0.
    """
    chance = settings.chance("dirt", day.toordinal())
    number = min(int(len(rows) * settings.dirt + chance.random()), len(rows) // 2)
    chosen = np.sort(chance.choice(len(rows), size=number, replace=False)).tolist()
    kinds = chance.choice(len(settings.faults), size=number).tolist() if number else []
    kind_of = {row: settings.faults[kind] for row, kind in zip(chosen, kinds, strict=True)}
    soiled: list[Row] = []
    found: dict[str, list[int]] = {kind: [] for kind in sorted(settings.faults)}
    for place, row in enumerate(rows):
        kind = kind_of.get(place)
        if kind == "id_repeated":
            soiled.append(row)  # the copy that follows is the fault
        elif kind is not None:
            row = row | CHANGES[kind](row, chance)
        if kind is not None:
            found[kind].append(len(soiled))
        soiled.append(row)
    return soiled, found


def _one_of(column: str, *texts: str) -> Change:
    return lambda _, chance: {column: texts[chance.integers(len(texts))]}


def _misspelt(row: Row, chance: np.random.Generator) -> Row:
    """Exchange two letters that follow each other, such that the word is no longer one."""
    word = row["category"]
    places = [at for at in range(len(word) - 1) if word[at] != word[at + 1]]
    at = places[chance.integers(len(places))]
    wrong = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    assert wrong not in CATEGORIES
    return {"category": wrong}


def _other_day(row: Row, chance: np.random.Generator) -> Row:
    days = int(chance.choice([-3, -2, -1, 1, 2, 3]))
    moment = datetime.fromisoformat(row["time"]) + timedelta(days)
    return {"time": f"{moment:%Y-%m-%dT%H:%M:%SZ}"}


CHANGES: dict[str, Change] = {
    "amount_no_number": _one_of("amount", "12,50", "EUR 20", "twelve", "1.000.00"),
    "amount_negative": lambda row, _: {"amount": f"-{row['amount']}"},
    "card_missing": _one_of("card_id", ""),
    "category_misspelt": _misspelt,
    "country_unknown": _one_of("country", "ZZ", "Germany", "X"),
    "currency_unknown": _one_of("currency", "XXX", "EURO", "€"),
    "time_of_other_day": _other_day,
    "time_unreadable": _one_of("time", "yesterday", "2026-02-30T12:00:00Z", "2026-01-10T27:61:00Z", "12h30"),
}
"""What each kind of fault does to a row; a repeated row is none of its own."""
