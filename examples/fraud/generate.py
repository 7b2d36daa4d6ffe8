"""Makes up card transactions, with fraud rings, late chargebacks and known faults. All of it is synthetic.

Run it from the repository's root: python examples/fraud/generate.py
"""

from __future__ import annotations

import argparse
import sys
import time
from datetime import date
from pathlib import Path

from synthetic.files import TRUTH, FolderError, generate
from synthetic.settings import FAULTS, Settings

HERE = Path(__file__).parent
DEFAULT = Settings()


def main(arguments: list[str] | None = None) -> int:
    """Generate what the command line asks for; say how much it was, or what is wrong."""
    parser = command_line()
    asked = vars(parser.parse_args(arguments))
    folder: Path = asked.pop("out")
    began = time.perf_counter()
    try:
        truth = generate(Settings(**asked), folder)
    except FolderError as error:
        return failed(f"{error}")
    except OSError as error:
        return failed(f"'{error.filename}' can't be written: {error.strerror}")
    except ValueError as error:
        parser.error(str(error))
    print(f"{truth['payments']} synthetic payments in {len(truth['days'])} days, {truth['fraud']} of them fraud")
    print(f"{sum(truth['faults'].values())} faults in {truth['rows']} rows, {truth['chargebacks']} chargebacks")
    print(f"wrote {folder / TRUTH} and the rest of that folder in {time.perf_counter() - began:.1f} s")
    return 0


def failed(what: str) -> int:
    print(f"error: {what}", file=sys.stderr)
    return 1


def command_line() -> argparse.ArgumentParser:
    """Say which options there are."""
    parser = argparse.ArgumentParser("generate.py", description="Makes up card transactions; all are synthetic.")
    parser.add_argument("--start", type=_day, default=DEFAULT.start, metavar="DAY", help="the first day [%(default)s]")
    parser.add_argument("--days", type=int, default=DEFAULT.days, metavar="N", help="how many [%(default)s]")
    parser.add_argument(
        "--rows", type=int, default=DEFAULT.rows, metavar="N", help="payments a day, on average [%(default)s]"
    )
    parser.add_argument(
        "--seed", type=int, default=DEFAULT.seed, metavar="N", help="another makes others [%(default)s]"
    )
    parser.add_argument(
        "--fraud", type=float, default=DEFAULT.fraud, metavar="SHARE", help="of the payments [%(default)s]"
    )
    parser.add_argument(
        "--dirt", type=float, default=DEFAULT.dirt, metavar="SHARE", help="of the rows, one fault each [%(default)s]"
    )
    parser.add_argument(
        "--faults", type=_words, default=FAULTS, metavar="KINDS", help=f"which ones, with commas: {', '.join(FAULTS)}"
    )
    parser.add_argument(
        "--drift",
        type=float,
        default=DEFAULT.drift,
        metavar="STRENGTH",
        help="from 0, nothing, to 1: amounts are twice as high in the end, and all is bought elsewhere [%(default)s]",
    )
    parser.add_argument("--drift-from", type=_day, metavar="DAY", help="when that begins [45 days after the start]")
    parser.add_argument("--out", type=Path, default=HERE / "data", metavar="DIR", help="where to write [%(default)s]")
    return parser


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is no day; write it like 2026-01-31") from None


def _words(text: str) -> tuple[str, ...]:
    return tuple(filter(None, (word.strip() for word in text.split(","))))


if __name__ == "__main__":
    sys.exit(main())
