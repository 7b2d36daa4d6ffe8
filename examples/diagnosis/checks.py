"""What the table must look like before anything is learned from it."""

import pandas as pd

CLASSES = ("malignant", "benign")

# The largest value that can be believed, for a mean and a "worst" value; a standard error must stay below half of it.
LARGEST = {
    "radius": 60,
    "texture": 80,
    "perimeter": 400,
    "area": 8000,
    "smoothness": 0.5,
    "compactness": 2,
    "concavity": 2,
    "concave_points": 0.6,
    "symmetry": 1,
    "fractal_dimension": 0.4,
}


class DataError(ValueError):
    """A table that can't be used, with all that is wrong with it."""

    def __init__(self, problems: list[str]) -> None:
        shown = "\n".join(f"  - {problem}" for problem in problems[:20])
        more = f"\n  … and {len(problems) - 20} more" if len(problems) > 20 else ""
        super().__init__(f"the table has {len(problems)} problem(s):\n{shown}{more}")


def limits() -> dict[str, tuple[float, float]]:
    """Give the smallest and the largest value that can be believed, for each column of figures."""
    found: dict[str, tuple[float, float]] = {}
    for measure, largest in LARGEST.items():
        found[f"mean_{measure}"] = (0, largest)
        found[f"{measure}_error"] = (0, largest / 2)
        found[f"worst_{measure}"] = (0, largest)
    return found


def problems_of(table: pd.DataFrame) -> list[str]:
    """Find all that is wrong with a table whose cells are still text."""
    wanted = {"diagnosis", *limits()}
    problems = [f"the column '{name}' is missing" for name in sorted(wanted - set(table.columns))]
    problems += [f"the column '{name}' is not expected" for name in sorted(set(table.columns) - wanted)]
    if table.empty:
        problems.append("there are no rows")
    if "diagnosis" in table:
        problems += wrong_classes(table["diagnosis"])
    for name, (low, high) in limits().items():
        if name in table:
            problems += wrong_figures(table[name], low, high)
    return problems


def wrong_classes(column: pd.Series) -> list[str]:
    """Find diagnoses that are none, or missing."""
    wrong = column[~column.isin(CLASSES)]
    return [f"{place(column, row)} is '{text}', not one of {', '.join(CLASSES)}" for row, text in wrong.items()]


def wrong_figures(column: pd.Series, low: float, high: float) -> list[str]:
    """Find cells that are empty, are no numbers, or can't be believed."""
    numbers = pd.to_numeric(column, errors="coerce")
    problems = []
    for row in column.index[~numbers.between(low, high)]:
        text = column[row].strip()
        if not text:
            problems.append(f"{place(column, row)} is missing")
        elif pd.isna(numbers[row]):
            problems.append(f"{place(column, row)} is '{text}', not a number")
        else:
            problems.append(f"{place(column, row)} is {text}, not between {low:g} and {high:g}")
    return problems


def place(column: pd.Series, row: int) -> str:
    """Say where a cell stands; the file's first line is the header."""
    return f"line {row + 2}: {column.name}"
