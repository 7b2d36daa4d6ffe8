"""The models that compete, and what is measured of them."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support, roc_auc_score, roc_curve
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

CLASSES = ("malignant", "benign")
MALIGNANT = CLASSES[0]


@dataclass(frozen=True)
class Candidate:
    """A kind of model and the one setting that is tried out: a tree's depth, or a regression's C."""

    kind: str
    setting: float

    def __str__(self) -> str:
        return f"{self.kind} {'C' if self.kind == 'logistic' else 'depth'}={self.setting:g}"


@dataclass(frozen=True)
class ClassFigures:
    """How well one class is told from the others."""

    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True)
class Evaluation:
    """How a model does on cases that it has not seen."""

    classes: dict[str, ClassFigures]
    confusion: list[list[int]]  # a row per true class, a column per predicted class, in the order of CLASSES
    curve: list[tuple[float, float]]  # false and true positive rate, malignant being positive
    area: float  # under this curve


def candidates(depths: list[int], strengths: list[float]) -> list[Candidate]:
    """List what is compared: two kinds of trees at each depth, and regressions of each strength."""
    trees = [Candidate(kind, depth) for kind in ("tree", "forest") for depth in depths]
    return trees + [Candidate("logistic", strength) for strength in strengths]


def untrained(candidate: Candidate, seed: int) -> BaseEstimator:
    """Make the model that a candidate stands for."""
    seed %= 2**32
    if candidate.kind == "tree":
        return DecisionTreeClassifier(max_depth=int(candidate.setting), class_weight="balanced", random_state=seed)
    if candidate.kind == "forest":
        return RandomForestClassifier(80, max_depth=int(candidate.setting), class_weight="balanced", random_state=seed)
    regression = LogisticRegression(C=candidate.setting, class_weight="balanced", max_iter=1000)
    return make_pipeline(StandardScaler(), regression)


def features(table: pd.DataFrame) -> np.ndarray:
    """Take the figures of a table, without the diagnosis."""
    return table.drop(columns="diagnosis").to_numpy()


def measure(model: BaseEstimator, table: pd.DataFrame) -> Evaluation:
    """Compare a model's predictions with the truth."""
    truth = table["diagnosis"].to_numpy(dtype=object)
    predicted = model.predict(features(table))
    columns = precision_recall_fscore_support(truth, predicted, labels=CLASSES, zero_division=0.0)
    score = model.predict_proba(features(table))[:, list(model.classes_).index(MALIGNANT)]
    false_rate, true_rate, _ = roc_curve(truth == MALIGNANT, score)
    return Evaluation(
        classes={
            name: ClassFigures(float(precision), float(recall), float(f1), int(support))
            for name, precision, recall, f1, support in zip(CLASSES, *columns, strict=True)
        },
        confusion=confusion_matrix(truth, predicted, labels=CLASSES).tolist(),
        curve=list(zip(false_rate.tolist(), true_rate.tolist(), strict=True)),
        area=float(roc_auc_score(truth == MALIGNANT, score)),
    )
