"""Pieces of HTML that all drawings share: escaped, without scripts or anything from elsewhere.

Greys are half transparent and texts take the page's own colour, so that light and dark themes are both readable.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape

from hookline.cli.notebook.cells import name_cells
from hookline.cli.wording import amount, clean, clipped
from hookline.model.states import TaskState

__all__ = ["badge", "bar", "box", "details", "table", "text", "word_of"]

_COLOURS = {
    "completed": "#2da44e",
    "reused": "#4493f8",
    "running": "#c69026",
    "waiting": "#c69026",
    "failed": "#e5534b",
    "timed_out": "#e5534b",
    "crashed": "#e5534b",
    "abandoned": "#e5534b",
    "cancelled": "#b87a4b",
    "interrupted": "#b87a4b",
    "skipped": "#8b949e",
    "pending": "rgba(128,128,128,.35)",
    "run": "#2da44e",
    "reuse": "#4493f8",
    "keep": "#4493f8",
    "undecided": "#c69026",
}
_GREY = "#8b949e"
_STYLE = (
    "<style>"
    ".hookline{font:13px/1.5 system-ui,-apple-system,'Segoe UI',sans-serif;max-width:980px;margin:4px 0}"
    ".hookline .head{display:flex;flex-wrap:wrap;gap:2px 10px;align-items:baseline;margin-bottom:4px}"
    ".hookline .title{font-weight:600;font-size:14px}"
    ".hookline .dim{opacity:.65}"
    ".hookline .badge{border-radius:9px;padding:0 8px;color:#fff;font-size:12px;white-space:nowrap}"
    ".hookline .bar{display:flex;height:6px;border-radius:3px;overflow:hidden;background:rgba(128,128,128,.2);"
    "margin:4px 0}"
    ".hookline .bar i{display:block}"
    ".hookline code,.hookline pre{font:12px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;"
    "background:none;color:inherit;padding:0}"
    ".hookline .failure{border-left:3px solid #e5534b;padding:1px 0 1px 10px;margin:6px 0}"
    ".hookline .failure pre{margin:0;white-space:pre-wrap;overflow-wrap:anywhere}"
    ".hookline table{border-collapse:collapse;margin:4px 0;font-size:12px;border:0}"
    ".hookline th{text-align:left;font-weight:600;opacity:.65}"
    ".hookline th,.hookline td{padding:2px 14px 2px 0;border:0;border-bottom:1px solid rgba(128,128,128,.2);"
    "vertical-align:top;text-align:left;background:none}"
    ".hookline td.number,.hookline th.number{text-align:right;white-space:nowrap}"
    ".hookline details{margin:4px 0}.hookline summary{cursor:pointer}"
    ".hookline td details{margin:0}.hookline td details pre{margin:2px 0 2px 14px;white-space:pre-wrap}"
    ".hookline td .bar{margin-top:6px}.hookline .scroll{overflow-x:auto}"
    "</style>"
)


def text(value: object, limit: int = 400) -> str:
    """Escape foreign text: no markup, no control characters, nothing that turns the direction around."""
    return escape(clipped(clean(name_cells(str(value))), limit))


def box(*parts: str) -> str:
    """Put a drawing together."""
    return f'{_STYLE}<div class="hookline">{"".join(parts)}</div>'


def badge(word: str, symbol: str = "") -> str:
    """Write a state's word on its colour."""
    shown = f"{symbol} {word.replace('_', ' ')}".strip()
    return f'<span class="badge" style="background:{_COLOURS.get(word, _GREY)}">{text(shown)}</span>'


def word_of(state: str) -> str:
    """Write a task's state in its colour, with its symbol."""
    known = TaskState(state)
    return f'<span style="color:{_COLOURS.get(state, _GREY)}">{known.symbol}</span>&nbsp;{escape(known.word)}'


def bar(counts: Mapping[str, int]) -> str:
    """Draw counts by state word as parts of one bar."""
    total = sum(counts.values())
    if not total:
        return '<div class="bar"></div>'
    parts = [
        f'<i style="width:{100 * counts[word] / total:.4g}%;background:{_COLOURS[word]}" '
        f'title="{amount(counts[word])} {word.replace("_", " ")}"></i>'
        for word in _COLOURS
        if counts.get(word)
    ]
    return f'<div class="bar">{"".join(parts)}</div>'


def table(header: Sequence[str], rows: Iterable[Sequence[str]], numbers: Sequence[int] = ()) -> str:
    """Lay markup out in columns.

    Args:
        header: The columns' titles.
        rows: Cells: markup, escaped already.
        numbers: Indexes of the columns that are flush right.
    """
    titles = "".join(
        f'<th class="number">{escape(title)}</th>' if at in numbers else f"<th>{escape(title)}</th>"
        for at, title in enumerate(header)
    )
    body = "".join(
        f"<tr>{''.join(_cell(content, at in numbers) for at, content in enumerate(row))}</tr>" for row in rows
    )
    return f'<div class="scroll"><table><thead><tr>{titles}</tr></thead><tbody>{body}</tbody></table></div>'


def details(summary: str, content: str, opened: bool = False) -> str:
    """Fold markup away below a line."""
    return f"<details{' open' if opened else ''}><summary>{summary}</summary>{content}</details>"


def _cell(content: str, number: bool) -> str:
    return f'<td class="number">{content}</td>' if number else f"<td>{content}</td>"
