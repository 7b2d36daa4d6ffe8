"""How checks of pandera's are called: in plain words where they are its own, else as their authors call them."""

from __future__ import annotations

from typing import Any

from hookline_data.wording.words import clipped, listed

__all__ = ["words_of"]


def words_of(check: Any) -> str:
    """Say what a check of pandera's asks for."""
    if isinstance(check, str):
        return check
    name = str(getattr(check, "name", None) or "")
    error = getattr(check, "error", None)
    if error is not None and not (name and str(error).startswith(f"{name}(")):
        return str(error)
    facts = dict(getattr(check, "statistics", None) or {})
    try:
        words = _words(name, facts)
    except (KeyError, TypeError):
        words = ""
    title = getattr(check, "title", None)
    return words or str(title or error or ("a check without a name" if name in ("", "<lambda>") else name))


def _words(name: str, facts: dict[str, Any]) -> str:
    match name:
        case "greater_than":
            return f"is greater than {clipped(facts['min_value'])}"
        case "greater_than_or_equal_to":
            return f"is at least {clipped(facts['min_value'])}"
        case "less_than":
            return f"is less than {clipped(facts['max_value'])}"
        case "less_than_or_equal_to":
            return f"is at most {clipped(facts['max_value'])}"
        case "in_range":
            return f"is from {clipped(facts['min_value'])} to {clipped(facts['max_value'])}"
        case "equal_to":
            return f"is equal to {clipped(facts['value'])}"
        case "not_equal_to":
            return f"is other than {clipped(facts['value'])}"
        case "isin":
            return f"is one of {listed(facts['allowed_values'])}"
        case "notin":
            return f"is none of {listed(facts['forbidden_values'])}"
        case "str_matches":
            return f"matches {clipped(getattr(facts['pattern'], 'pattern', facts['pattern']))}"
        case "str_contains":
            return f"contains {clipped(getattr(facts['pattern'], 'pattern', facts['pattern']))}"
        case _:
            return ""
