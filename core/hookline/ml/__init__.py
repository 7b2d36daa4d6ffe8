"""Nouns that plugins exchange: what data look like, what models take, how good they are, and what was decided.

Frozen dataclasses of plain values, without dependencies: a plugin fills them, another reads them, and neither imports
the other. :func:`to_json` and :func:`from_json` carry them through files, records and requests. What can't be right
raises ``ValueError``.

Every noun has ``extra`` for what its fields do not say: facts of one plugin's own, or of a later version of hookline.
Times are microseconds since 1970 (UTC).
"""

from __future__ import annotations

from hookline.ml.artifact import ArtifactRef
from hookline.ml.data import TYPES, Column, ColumnProfile, DatasetRef, Histogram, Profile, Schema
from hookline.ml.models import (
    BusinessValue,
    Check,
    Decision,
    Evaluation,
    Metric,
    ModelRef,
    Prediction,
    Signature,
    Slice,
)
from hookline.ml.noun import Noun, digest_of, from_json, to_json

__all__ = [
    "TYPES",
    "ArtifactRef",
    "BusinessValue",
    "Check",
    "Column",
    "ColumnProfile",
    "DatasetRef",
    "Decision",
    "Evaluation",
    "Histogram",
    "Metric",
    "ModelRef",
    "Noun",
    "Prediction",
    "Profile",
    "Schema",
    "Signature",
    "Slice",
    "digest_of",
    "from_json",
    "to_json",
]
