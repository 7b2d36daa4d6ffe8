"""The report: a page of Markdown with two tables, and a picture."""

from pathlib import Path

from matplotlib.figure import Figure

from models import CLASSES, Candidate, Evaluation


def page(evaluation: Evaluation, best: Candidate, ranking: list[tuple[Candidate, float, float]], accepted: bool) -> str:
    """Write the report's text."""
    return "\n".join(
        [
            "# Diagnosis report",
            "",
            f"Best of {len(ranking)} candidates: **{best}**. {verdict(accepted)}",
            "",
            "## On the held-out cases",
            "",
            *per_class(evaluation),
            "",
            f"Area under the ROC curve: {evaluation.area:.4f}",
            "",
            "![ROC curve and confusion matrix](figures.png)",
            "",
            "## Candidates",
            "",
            *ranks(ranking),
            "",
        ]
    )


def verdict(accepted: bool) -> str:
    """Say what the gate decided."""
    return "It passed the gate." if accepted else "It did **not** pass the gate: no model was written."


def per_class(evaluation: Evaluation) -> list[str]:
    """Make the table of figures per class."""
    rows = [
        f"| {name} | {figures.precision:.3f} | {figures.recall:.3f} | {figures.f1:.3f} | {figures.support} |"
        for name, figures in evaluation.classes.items()
    ]
    return ["| class | precision | recall | F1 | cases |", "|---|--:|--:|--:|--:|", *rows]


def ranks(ranking: list[tuple[Candidate, float, float]]) -> list[str]:
    """Make the table of candidates, the best first."""
    rows = [f"| {candidate} | {mean:.4f} | {spread:.4f} |" for candidate, mean, spread in ranking]
    return ["| candidate | F1 of malignant, mean over folds | standard deviation |", "|---|--:|--:|", *rows]


def draw(evaluation: Evaluation, path: Path) -> None:
    """Draw the ROC curve and the confusion matrix side by side."""
    figure = Figure(figsize=(9, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.plot(*zip(*evaluation.curve, strict=True), color="tab:blue")
    left.plot([0, 1], [0, 1], color="lightgrey", linestyle="--")
    left.set(xlabel="false positive rate", ylabel="true positive rate", title=f"ROC curve (area {evaluation.area:.3f})")
    right.imshow(evaluation.confusion, cmap="Blues")
    right.set_xticks(range(len(CLASSES)), CLASSES)
    right.set_yticks(range(len(CLASSES)), CLASSES)
    right.set(xlabel="predicted", ylabel="true", title="held-out cases")
    darkest = max(map(max, evaluation.confusion))
    for row, counts in enumerate(evaluation.confusion):
        for column, count in enumerate(counts):
            colour = "white" if count > darkest / 2 else "black"
            right.text(column, row, str(count), ha="center", va="center", color=colour)
    figure.savefig(path, dpi=120)
