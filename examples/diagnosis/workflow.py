"""Tells malignant from benign breast masses: load, split, compare models, evaluate, gate, report.

Run it in this folder: hookline run workflow.py
"""

from pathlib import Path
from statistics import fmean, pstdev
from typing import NamedTuple

import joblib
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.model_selection import StratifiedKFold, train_test_split

from hookline import Seed, attempt, log_metric, log_params, step, workflow
from hookline_data import load
from models import MALIGNANT, Candidate, ClassFigures, Evaluation, candidates, features, measure, untrained
from report import draw, page


class Parts(NamedTuple):
    training: pd.DataFrame
    held_out: pd.DataFrame


class Trial(NamedTuple):
    candidate: Candidate
    f1: float


class Ranking(NamedTuple):
    best: Candidate
    rows: list[tuple[Candidate, float, float]]


@step
def split(table: pd.DataFrame, held_out: float, seed: Seed = Seed(0)) -> Parts:
    """Put a share of the cases aside, with the same share of malignant ones."""
    parts = train_test_split(table, test_size=held_out, stratify=table["diagnosis"], random_state=seed % 2**32)
    return Parts(*(part.reset_index(drop=True) for part in parts))


@step
def assign_folds(training: pd.DataFrame, folds: int, seed: Seed = Seed(0)) -> list[int]:
    """Give each case the number of the fold in which it tests the models."""
    numbers = [0] * len(training)
    folding = StratifiedKFold(folds, shuffle=True, random_state=seed % 2**32)
    for number, (_, tested) in enumerate(folding.split(training, training["diagnosis"])):
        for case in tested:
            numbers[case] = number
    return numbers


@step
def try_out(training: pd.DataFrame, numbers: list[int], candidate: Candidate, fold: int, seed: Seed = Seed(0)) -> Trial:
    """Train a candidate on all folds but one, and measure it on that one."""
    tested = pd.Series(numbers) == fold
    model = trained(training[~tested], candidate, seed)
    figures = measure(model, training[tested]).classes[MALIGNANT]
    log_params({"candidate": str(candidate), "fold": fold})
    log_metric("f1", figures.f1)
    log_metric("recall", figures.recall)
    return Trial(candidate, figures.f1)


@step
def rank(trials: list[Trial]) -> Ranking:
    """Order the candidates by their mean over the folds."""
    scores: dict[Candidate, list[float]] = {}
    for trial in trials:
        scores.setdefault(trial.candidate, []).append(trial.f1)
    rows = [(candidate, fmean(values), pstdev(values)) for candidate, values in scores.items()]
    rows.sort(key=lambda row: -row[1])
    return Ranking(rows[0][0], rows)


@step
def fit(training: pd.DataFrame, candidate: Candidate, seed: Seed = Seed(0)) -> BaseEstimator:
    """Train the best candidate on all training cases."""
    log_params({"candidate": str(candidate), "cases": len(training)})
    return trained(training, candidate, seed)


@step
def evaluate(model: BaseEstimator, held_out: pd.DataFrame) -> Evaluation:
    """Measure the model on the cases that were put aside."""
    evaluation = measure(model, held_out)
    for name, figures in evaluation.classes.items():
        log_metric(f"precision_{name}", figures.precision)
        log_metric(f"recall_{name}", figures.recall)
        log_metric(f"f1_{name}", figures.f1)
    log_metric("roc_area", evaluation.area)
    return evaluation


@step
def good_enough(classes: dict[str, ClassFigures], minimum_recall: float) -> bool:
    """The gate: of the malignant cases, enough must have been found."""
    return classes[MALIGNANT].recall >= minimum_recall


@step
def write_model(model: BaseEstimator) -> Path:
    """Write the model to a file."""
    path = attempt().folder / "model.joblib"
    joblib.dump(model, path)
    return path


@step
def write_report(evaluation: Evaluation, ranking: Ranking, accepted: bool) -> Path:
    """Write a folder with the report's page and its picture."""
    folder = attempt().folder / "report"
    folder.mkdir()
    draw(evaluation, folder / "figures.png")
    text = page(evaluation, ranking.best, ranking.rows, accepted)
    (folder / "report.md").write_text(text, encoding="utf-8")
    return folder


def trained(cases: pd.DataFrame, candidate: Candidate, seed: int) -> BaseEstimator:
    return untrained(candidate, seed).fit(features(cases), cases["diagnosis"].to_numpy(dtype=object))


@workflow
def diagnosis(
    depths: list[int] = [2, 4, 8],
    strengths: list[float] = [0.1, 1.0, 10.0],
    folds: int = 5,
    held_out: float = 0.25,
    minimum_recall: float = 0.9,
):
    """Compare models that tell malignant from benign breast masses, and keep the best one if it is good enough.

    Args:
        depths: Depths of the trees and forests to try.
        strengths: Values of C of the logistic regressions to try.
        folds: In how many parts the training cases are split to compare the candidates.
        held_out: Share of the cases that is put aside for the evaluation.
        minimum_recall: Share of the malignant cases that the model must find to be written.
    """
    parts = split(load("cases"), held_out)
    numbers = assign_folds(parts.training, folds)
    trials = try_out.partial(parts.training, numbers).product(
        candidate=candidates(depths, strengths), fold=list(range(folds))
    )
    ranking = rank(trials)
    model = fit(parts.training, ranking.best)
    evaluation = evaluate(model, parts.held_out)
    accepted = good_enough(evaluation.classes, minimum_recall)
    return {
        "figures": evaluation.classes,
        "model": write_model.when(accepted)(model),
        "report": write_report(evaluation, ranking, accepted),
    }


if __name__ == "__main__":
    print(diagnosis.run())
