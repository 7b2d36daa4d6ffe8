from __future__ import annotations

import csv
import importlib
import json
import re
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

FRAUD = Path(__file__).parents[2] / "examples" / "fraud"
PARTS = ("chargebacks", "files", "population", "settings", "trade")


@pytest.fixture(scope="module")
def made() -> Iterator[Any]:
    """The modules of the generator."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(FRAUD)
        parts = {name: importlib.import_module(f"synthetic.{name}") for name in PARTS}
        yield SimpleNamespace(main=importlib.import_module("generate").main, **parts)


@pytest.fixture
def generate(made: Any, tmp_path: Path) -> Any:
    """Writes a small set of data into a folder of the test, and gives the folder and the truth."""

    def write(name: str = "data", **changes: Any) -> tuple[Path, Any]:
        folder = tmp_path / name
        return folder, made.files.generate(made.settings.Settings(**{"days": 4, "rows": 200, **changes}), folder)

    return write


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_same_settings_give_the_same_bytes(generate: Any) -> None:
    """Nothing in the files comes from a clock, a place or an earlier run; another seed changes them."""
    first, again, other = (contents(generate(name, seed=seed)[0]) for name, seed in (("a", 7), ("b", 7), ("c", 8)))

    assert first == again
    same = {name for name in first if first[name] == other[name]}
    assert {name for name in same if "chargebacks" not in name} == {"SYNTHETIC.txt"}


def test_a_day_does_not_depend_on_how_many_days_follow(generate: Any) -> None:
    """What there is of each day is the same in four days as in nine, with what had been reported by then."""
    few, many = contents(generate("few", days=4)[0]), contents(generate("many", days=9)[0])

    differing = {name for name, content in few.items() if many[name] != content}
    assert differing == {"truth.json"}
    assert {name for name in many if name not in few} == {
        f"{what}/day=2026-01-0{day}.csv" for what in ("transactions", "chargebacks") for day in range(5, 10)
    }


def test_days_without_drift_do_not_change_with_it(generate: Any) -> None:
    """Drift begins on its day: what was before is the same with it and without it."""
    still = contents(generate("still")[0])
    moved = contents(generate("moved", drift=1.0, drift_from=date(2026, 1, 2))[0])

    differing = {name for name, content in still.items() if moved[name] != content and "transactions" in name}
    assert differing == {"transactions/day=2026-01-03.csv", "transactions/day=2026-01-04.csv"}


def fault_of(row: dict[str, str], day: str, before: set[str], made: Any) -> str:
    """Find what is wrong with a row, by rules that know nothing of how it was made."""
    try:
        moment = datetime.fromisoformat(row["time"])
    except ValueError:
        return "time_unreadable"
    rules = {
        "amount_no_number": not re.fullmatch(r"-?\d+(\.\d+)?", row["amount"]),
        "amount_negative": row["amount"].startswith("-"),
        "card_missing": not row["card_id"],
        "category_misspelt": row["category"] not in made.population.CATEGORIES,
        "country_unknown": row["country"] not in made.population.COUNTRIES,
        "currency_unknown": row["currency"] not in made.population.CURRENCIES,
        "id_repeated": row["transaction_id"] in before,
        "time_of_other_day": f"{moment:%Y-%m-%d}" != day,
    }
    found = [kind for kind, holds in rules.items() if holds]
    assert len(found) <= 1
    return "".join(found)


def test_the_truth_names_every_fault_and_nothing_else(generate: Any, made: Any) -> None:
    """Each line with a fault is in the truth, under its kind, and no other line; the counts are sums of these."""
    folder, truth = generate(days=6, dirt=0.1)

    counted: Counter[str] = Counter()
    for day, facts in truth["days"].items():
        found: dict[str, list[int]] = {kind: [] for kind in made.settings.FAULTS}
        before: set[str] = set()
        rows = table(folder / f"transactions/day={day}.csv")
        for line, row in enumerate(rows, 2):
            kind = fault_of(row, day, before, made)
            before.add(row["transaction_id"])
            if kind:
                found[kind].append(line)
        assert found == facts["faults"]
        assert len(rows) == facts["rows"] == facts["payments"] + len(found["id_repeated"])
        counted.update({kind: len(lines) for kind, lines in found.items()})
    assert dict(counted) == truth["faults"]
    assert set(counted.values()).isdisjoint({0})
    assert sum(counted.values()) == pytest.approx(0.1 * truth["rows"], rel=0.05)
    assert json.loads((folder / "truth.json").read_text()) == json.loads(json.dumps(truth))


def test_faults_can_be_chosen_and_left_out(generate: Any) -> None:
    """Clean data have none; a choice of kinds gives these alone."""
    clean = generate("clean", dirt=0.0)[1]
    some = generate("some", dirt=0.05, faults=("card_missing", "id_repeated"))[1]

    assert sum(clean["faults"].values()) == 0
    assert clean["rows"] == clean["payments"]
    assert set(some["faults"]) == {"card_missing", "id_repeated"}
    assert all(some["faults"].values())


@pytest.fixture(scope="module")
def trades(made: Any) -> Any:
    """The payments of 120 days, with the people and the settings."""
    settings = made.settings.Settings(days=120, rows=1500)
    people = made.population.make_population(settings)
    days = {day: made.trade.trade_of(settings, people, day) for day in settings.dates}
    return SimpleNamespace(settings=settings, people=people, days=days)


def test_the_share_of_fraud_is_what_was_asked_for(trades: Any) -> None:
    """Stolen cards and rings together make about one payment in a hundred."""
    causes = Counter(cause for trade in trades.days.values() for cause in trade.cause.tolist())
    frauds = sum(count for cause, count in causes.items() if cause != 0)

    assert frauds / sum(causes.values()) == pytest.approx(0.01, rel=0.2)
    assert set(causes) == {-1, 0, 1, 2, 3, 4}


def test_rings_pay_with_their_own_cards_at_their_own_merchants_in_bursts(trades: Any) -> None:
    """A ring's payments come within two hours, on some days, by its cards; no two rings share a card or merchant."""
    rings = trades.people.rings
    for what in ("cards", "merchants"):
        members = [member for ring in rings for member in getattr(ring, what).tolist()]
        assert len(members) == len(set(members))
    for number, ring in enumerate(rings, 1):
        bursts = [(trade, trade.cause == number) for trade in trades.days.values() if (trade.cause == number).any()]
        assert 5 < len(bursts) < 60
        for trade, own in bursts:
            assert set(trade.card[own]) <= set(ring.cards)
            assert set(trade.merchant[own]) <= set(ring.merchants)
            assert trade.second[own].max() - trade.second[own].min() < 2 * 3600


def test_trade_follows_the_hours_and_the_days_of_the_week(trades: Any) -> None:
    """Little is bought at night, most in the early evening; on Fridays more than on Sundays. Files are in order."""
    hours = Counter(hour for trade in trades.days.values() for hour in (trade.second // 3600).tolist())
    weekdays: Counter[int] = Counter()
    for day, trade in trades.days.items():
        weekdays[day.weekday()] += len(trade.second)
        assert (trade.second[1:] >= trade.second[:-1]).all()

    assert hours[18] > 5 * hours[3]
    assert weekdays[4] > 1.2 * weekdays[6]


def test_fraud_is_reported_late_and_not_always(trades: Any, made: Any) -> None:
    """Reports come from the next day on, about nine days later, some after weeks; a part of the fraud never is."""
    delays, mistaken, frauds = [], 0, 0
    for day, trade in trades.days.items():
        frauds += int((trade.cause != 0).sum())
        for report in made.chargebacks.reports_of(trades.settings, trade, day):
            if trade.cause[report.payment] == 0:
                mistaken += 1
            else:
                delays.append((report.at.date() - day).days)
    delays.sort()

    assert len(delays) / frauds == pytest.approx(0.92, abs=0.02)
    assert 0 < mistaken < 0.1 * len(delays)
    assert delays[0] >= 1
    assert delays[len(delays) // 2] == pytest.approx(9, abs=1)
    assert 28 < delays[-1] <= made.chargebacks.LONGEST_DELAY


def test_chargebacks_stand_in_the_file_of_the_day_of_their_report(generate: Any) -> None:
    """Each names a payment of an earlier day, and no file tells what was not known on its day."""
    folder, truth = generate(days=20, fraud=0.05)

    rows = {path: table(path) for path in sorted((folder / "chargebacks").iterdir())}
    assert len(rows) == 20
    assert sum(map(len, rows.values())) == truth["chargebacks"] > 50
    payments = {row["transaction_id"]: row for path in (folder / "transactions").iterdir() for row in table(path)}
    for path, reports in rows.items():
        day = path.stem.removeprefix("day=")
        assert {report["reported_at"][:10] for report in reports} <= {day}
        for report in reports:
            payment = payments[report["transaction_id"]]
            assert report["transaction_id"][1:9] < day.replace("-", "")
            assert payment["card_id"] in (report["card_id"], "")
            assert payment["merchant_id"] == report["merchant_id"]


def test_drift_raises_amounts_and_moves_the_trade_elsewhere(made: Any) -> None:
    """At full strength amounts are twice as high as they would be, and most goes to three categories."""
    settings = made.settings.Settings(drift=1.0, drift_from=date(2026, 1, 1), rows=4000)
    still = made.settings.Settings(rows=4000)
    people = made.population.make_population(settings)
    late = date(2026, 1, 1) + timedelta(40)

    def facts(chosen: Any, day: date) -> tuple[float, float]:
        trade = made.trade.trade_of(chosen, people, day)
        category = people.merchants.category[trade.merchant]
        risky = sum(int((category == number).sum()) for number in made.population.RISKY) / len(category)
        groceries = category == list(made.population.CATEGORIES).index("groceries")
        return float(trade.cents[groceries].mean()) if groceries.any() else 0.0, risky

    assert settings.drift_on(date(2026, 1, 16)) == pytest.approx(0.5)
    assert facts(settings, late)[1] > 0.99
    assert facts(still, late)[1] < 0.15
    assert facts(settings, date(2026, 1, 16))[0] > 1.2 * facts(still, date(2026, 1, 16))[0]


def test_the_data_say_that_they_are_synthetic(generate: Any) -> None:
    """The folder, the truth, and the names of people and shops say so; addresses are ones that nobody can have."""
    folder, truth = generate()

    assert "synthetic" in (folder / "SYNTHETIC.txt").read_text()
    assert truth["synthetic"] is True
    assert all(row["name"].startswith("Synthetic") for row in table(folder / "merchants.csv"))
    people = table(folder / "customers.csv")
    assert all(row["name"].startswith("Synthetic") and row["email"].endswith(".invalid") for row in people)


def test_cards_and_merchants_of_all_payments_are_known(generate: Any) -> None:
    """Each payment's card, its customer and the merchant are in their files, and were there before the first day."""
    folder, _ = generate(dirt=0.0)
    cards = {card["card_id"]: card for card in map(json.loads, (folder / "cards.jsonl").read_text().splitlines())}
    merchants = {row["merchant_id"]: row for row in table(folder / "merchants.csv")}
    customers = {row["customer_id"] for row in table(folder / "customers.csv")}

    for path in (folder / "transactions").iterdir():
        for row in table(path):
            merchant = merchants[row["merchant_id"]]
            assert cards[row["card_id"]]["customer_id"] in customers
            assert (merchant["country"], merchant["category"]) == (row["country"], row["category"])
    assert max(card["issued_at"] for card in cards.values()) < "2026-01-01"


def test_making_fewer_days_removes_the_others_and_leaves_the_same_alone(generate: Any) -> None:
    """A second generation into a folder writes what differs, and removes days that it does not have."""
    folder, _ = generate(days=4)
    stamps = {path: path.stat().st_mtime_ns for path in folder.rglob("*.csv")}
    generate(days=3)

    left = {path: path.stat().st_mtime_ns for path in folder.rglob("*.csv")}
    assert {path.parent.name for path in stamps.keys() - left.keys()} == {"transactions", "chargebacks"}
    assert all("2026-01-04" in path.name for path in stamps.keys() - left.keys())
    assert left.items() <= stamps.items()


def test_a_generation_that_breaks_off_leaves_no_truth(generate: Any) -> None:
    """The truth is there only when all files are; none is half written."""
    folder, _ = generate()
    for path in (folder / "transactions").iterdir():
        path.unlink()
    (folder / "transactions").rmdir()
    (folder / "transactions").touch()  # a file where a folder has to be

    with pytest.raises(OSError):
        generate()
    assert not (folder / "truth.json").exists()
    assert not list(folder.rglob(".*"))


def test_the_command_line_says_what_it_made(made: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It tells how much there is, how much of it is fraud and faulty, and where it lies."""
    folder = tmp_path / "out"
    options = ["--days", "3", "--rows", "100", "--seed", "1", "--dirt", "0.1", "--drift", "0.5", "--fraud", "0.02"]

    assert made.main([*options, "--drift-from", "2026-01-02", "--faults", "card_missing", "--out", str(folder)]) == 0
    said = capsys.readouterr().out
    truth = json.loads((folder / "truth.json").read_text())
    assert f"{truth['payments']} synthetic payments in 3 days, {truth['fraud']} of them fraud" in said
    assert f"{truth['faults']['card_missing']} faults in {truth['rows']} rows" in said
    assert truth["settings"]["drift_from"] == "2026-01-02"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--days", "0"], "'days' is 0, not between 1 and 3660"),
        (["--dirt", "nan"], "'dirt' is nan, not between 0 and 0.5"),
        (["--start", "0001-01-01"], "'start' is 0001-01-01, not between the years 1970 and 2200"),
        (["--start", "31.01.2026"], "'31.01.2026' is no day; write it like 2026-01-31"),
        (["--faults", "card_mising"], "did you mean 'card_missing'?"),
        (["--faults", ","], "'dirt' needs kinds of faults"),
    ],
)
def test_settings_that_make_no_sense_are_refused(
    options: list[str], told: str, made: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The message says which one and what it may be; nothing is written."""
    with pytest.raises(SystemExit) as ended:
        made.main([*options, "--out", str(tmp_path / "out")])

    assert ended.value.code == 2
    assert told in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_folder_with_other_files_is_left_alone(made: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Who names a wrong folder loses nothing."""
    (tmp_path / "thesis.txt").write_text("years of work")

    assert made.main(["--days", "1", "--out", str(tmp_path)]) == 1
    assert "has files that were not made here" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]
    assert made.main(["--days", "1", "--out", str(tmp_path / "thesis.txt")]) == 1
    assert "is a file, not a folder" in capsys.readouterr().err
