"""The folder with the data: a file a day, written whole or not at all, and at last the truth about all of them."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

from synthetic import rows
from synthetic.chargebacks import Report, reports_of
from synthetic.dirt import Row, soil
from synthetic.population import make_population
from synthetic.settings import Settings
from synthetic.trade import HONEST, STOLEN, Trade, trade_of

LABEL = "SYNTHETIC.txt"
TRUTH = "truth.json"
NOTICE = """All data in this folder are synthetic: a program made them up, with faults and fraud put in on purpose.
No person, card, shop or payment in them is real. truth.json tells where the faults and the fraud are.
"""


class FolderError(ValueError):
    """A folder that the data can't be written to."""


def generate(settings: Settings, folder: Path) -> dict[str, Any]:
    """Write the data into a folder. What is there already and would be the same is left alone.

    Returns:
        The truth, which is also written to ``truth.json``: the settings, how many faults there are of each kind, and
        for each day the lines with faults, and the payments that are fraud.

    Raises:
        FolderError: The folder has other files.
    """
    _claim(folder)
    (folder / TRUTH).unlink(missing_ok=True)  # it is there only while it is true
    people = make_population(settings)
    tables: dict[str, str] = {
        "customers.csv": as_csv(rows.customers(people)),
        "cards.jsonl": as_json_lines(rows.cards(people)),
        "merchants.csv": as_csv(rows.merchants(people)),
    }
    due: dict[date, list[Report]] = defaultdict(list)
    days: dict[str, Any] = {}
    for day in settings.dates:
        trade = trade_of(settings, people, day)
        table, faults = soil(settings, rows.transactions(trade, people, day), day)
        tables[f"transactions/day={day}.csv"] = as_csv(table)
        for report in reports_of(settings, trade, day):
            due[report.at.date()].append(report)
        known = due.pop(day, [])
        tables[f"chargebacks/day={day}.csv"] = as_csv(rows.chargebacks(known), rows.CHARGEBACK)
        days[f"{day}"] = _truth_of(trade, day, len(table), faults) | {"chargebacks": len(known)}
    for name, text in tables.items():
        write(folder / name, text)
    _remove_others(folder, tables)
    truth = {"synthetic": True, "settings": _plain(settings), **_sums(days), "days": days}
    write(folder / TRUTH, _as_json(truth))
    return truth


def _claim(folder: Path) -> None:
    """Mark a folder as one of made-up data; whoever has other files there keeps them."""
    if folder.exists() and not folder.is_dir():
        raise FolderError(f"'{folder}' is a file, not a folder")
    if folder.exists() and any(folder.iterdir()) and not (folder / LABEL).exists():
        raise FolderError(f"the folder '{folder}' has files that were not made here; give one that is new or empty")
    write(folder / LABEL, NOTICE)


def _remove_others(folder: Path, tables: Mapping[str, str]) -> None:
    """Remove days that an earlier generation made and this one does not have."""
    for path in folder.glob("*/day=*.csv"):
        if f"{path.parent.name}/{path.name}" not in tables:
            path.unlink()


def _truth_of(trade: Trade, day: date, lines: int, faults: dict[str, list[int]]) -> dict[str, Any]:
    """Tell what is wrong with a day's file, and which payments are fraud. The header is line 1."""
    fraud = {
        rows.transaction_id(day, number): "stolen" if cause == STOLEN else f"ring {cause}"
        for number, cause in enumerate(trade.cause.tolist())
        if cause != HONEST
    }
    found = {kind: [row + 2 for row in places] for kind, places in faults.items()}
    return {"rows": lines, "payments": len(trade.card), "faults": found, "fraud": fraud}


def _sums(days: Mapping[str, Any]) -> dict[str, Any]:
    faults: Counter[str] = Counter()
    for day in days.values():
        for kind, places in day["faults"].items():
            faults[kind] += len(places)
    counted = {name: sum(day[name] for day in days.values()) for name in ("rows", "payments", "chargebacks")}
    return counted | {"faults": dict(faults), "fraud": sum(len(day["fraud"]) for day in days.values())}


def _plain(settings: Settings) -> dict[str, Any]:
    return {name: f"{value}" if isinstance(value, date) else value for name, value in asdict(settings).items()}


def _as_json(truth: Mapping[str, Any]) -> str:
    """Write a line for each day, so that people can read it, too."""
    head = json.dumps({name: value for name, value in truth.items() if name != "days"}, indent=1)
    days = ",\n".join(f'  "{day}": {json.dumps(facts)}' for day, facts in truth["days"].items())
    return f'{head[:-2]},\n "days": {{\n{days}\n }}\n}}\n'


def as_csv(table: Iterable[Row], columns: tuple[str, ...] = ()) -> str:
    """Write a table as CSV; one that may be empty needs its columns told."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for row in table:
        if not text.tell():
            columns = tuple(row)
            writer.writerow(columns)
        writer.writerow(row.values())
    if not text.tell():
        writer.writerow(columns)
    return text.getvalue()


def as_json_lines(table: Iterable[Row]) -> str:
    """Write a table with an object in each line."""
    return "".join(f"{json.dumps(row)}\n" for row in table)


def write(path: Path, text: str) -> None:
    """Write a file such that it is there whole or not at all; readers never see a part of it."""
    content = text.encode()
    if path.exists() and path.read_bytes() == content:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.new")
    try:
        unfinished.write_bytes(content)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
