"""The JSON Schema of YAML workflows, by which editors complete and check them while they are written."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from hookline.graph.declared.document import PARAM_KEYS, STEP_KEYS, TOP_KEYS
from hookline.graph.declared.form import signature_text, step_parameters
from hookline.graph.declared.types import TYPE_NAMES
from hookline.graph.parameter_types import expected_type
from hookline.model.options import Options
from hookline.model.step import Step

__all__ = ["workflow_schema"]

Schema = dict[str, Any]

_REFERENCE: Schema = {"$ref": "#/$defs/reference"}
_NAME = "^[A-Za-z0-9_][A-Za-z0-9_-]*$"
_HELP = {
    "workflow": "The workflow's name; the file's by default.",
    "description": "What it does; shown by --help.",
    "params": "Its parameters, which become options of the command line.",
    "steps": "Its tasks by id, in any order.",
    "returns": "What it returns: a reference, or a list or mapping of references.",
    "on_failure": "A step that takes run_id and failed; it runs when the run has failed.",
    "uses": "A step: a registered name, or module:name.",
    "with": "Its arguments.",
    "map": "Lists to run it over, element by element, side by side.",
    "product": "Lists to run it over in all combinations.",
    "when": "A reference; when its value is false, the step is skipped.",
    "options": "How its attempts are made.",
    "type": f"One of {', '.join(TYPE_NAMES)}, list[…] and dict[text, …]; that of the default where it is left out.",
    "default": "What it is when it is not given.",
    "help": "What --help says about it.",
}
_OPTIONS: dict[str, Schema] = {
    "retries": {"type": "integer", "minimum": 0},
    "retry_delay": {"type": ["number", "string"]},
    "timeout": {"type": ["number", "string", "null"]},
    "cache": {"type": "boolean"},
    "env": {"type": ["array", "string"], "items": {"type": "string"}},
    "resources": {"type": "object", "additionalProperties": {"type": ["number", "string"]}},
    "executor": {"type": "string"},
    "limit": {"type": ["integer", "null"], "minimum": 1},
    "version": {"type": "string"},
    "tags": {"type": ["array", "string"], "items": {"type": "string"}},
}


def workflow_schema(steps: Mapping[str, Step[..., Any] | None]) -> Schema:
    """Make the schema.

    Args:
        steps: Registered steps by name; None for one that can't be imported.

    Returns:
        A document of JSON Schema, draft 2020-12.
    """
    definitions: Schema = {
        "reference": {"type": "string", "pattern": r"^\s*\$\{\{\s*(params|steps)\.[^{}]+\}\}\s*$"},
        "list": {"anyOf": [_REFERENCE, {"type": "array"}]},
        "uses": {"anyOf": [{"enum": sorted(steps)}, {"type": "string", "pattern": r"^[\w.]+:[\w.]+$"}]},
        "type": {
            "anyOf": [{"enum": [*TYPE_NAMES, "list", "dict"]}, {"type": "string", "pattern": r"^(list|dict)\s*\[.+\]$"}]
        },
    }
    known = [
        {"if": {"properties": {"uses": {"const": name}}, "required": ["uses"]}, "then": _use(name, step, definitions)}
        for name, step in sorted(steps.items())
        if step is not None
    ]
    definitions["step"] = {**_step(), **({"allOf": known} if known else {})}
    definitions["param"] = _param()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A workflow of hookline",
        **_mapping(
            {
                "workflow": {"type": "string"},
                "description": {"type": "string"},
                "params": _named("^[A-Za-z_][A-Za-z0-9_]*$", {"$ref": "#/$defs/param"}),
                "steps": {**_named(_NAME, {"$ref": "#/$defs/step"}), "minProperties": 1},
                "returns": {},
                "on_failure": {"$ref": "#/$defs/uses"},
            },
            TOP_KEYS,
        ),
        "required": ["steps"],
        "$defs": definitions,
    }


def _param() -> Schema:
    long = _mapping({"type": {"$ref": "#/$defs/type"}, "default": {}, "help": {"type": "string"}}, PARAM_KEYS)
    long["anyOf"] = [{"required": ["type"]}, {"required": ["default"]}]
    return {"anyOf": [{"type": ["string", "number", "boolean", "array"]}, long]}


def _step() -> Schema:
    names = [field.name for field in dataclasses.fields(Options) if field.name != "retry_on"]
    options = {"type": "object", "properties": {name: _OPTIONS[name] for name in names}, "additionalProperties": False}
    lists = {"type": "object", "additionalProperties": {"$ref": "#/$defs/list"}, "minProperties": 1}
    fields: dict[str, Schema] = {
        "uses": {"$ref": "#/$defs/uses"},
        "with": {"type": "object"},
        "map": lists,
        "product": lists,
        "when": _REFERENCE,
        "options": options,
    }
    return {
        **_mapping(fields, STEP_KEYS),
        "required": ["uses"],
        "not": {"required": ["map", "product"]},
    }


def _use(name: str, step: Step[..., Any], definitions: Schema) -> Schema:
    """Say what goes with one registered step."""
    parameters = step_parameters(step)
    takes = {each.name: _value(f"{name}.{each.name}", expected_type(each), definitions) for each in parameters}
    closed = not step.signature.var_keyword
    lists = {each: {"anyOf": [_REFERENCE, {"type": "array", "items": takes[each]}]} for each in takes}
    required = [each.name for each in parameters if each.required]
    fields = {
        "uses": {"description": signature_text(step)},
        "with": {"properties": takes, **({"additionalProperties": False} if closed else {})},
        "map": {"properties": lists, **({"additionalProperties": False} if closed else {})},
        "product": {"properties": lists, **({"additionalProperties": False} if closed else {})},
    }
    if not required:
        return {"properties": fields}
    plain = {"not": {"anyOf": [{"required": ["map"]}, {"required": ["product"]}]}}
    return {
        "properties": fields,
        "if": plain,
        "then": {"required": ["with"], "properties": {"with": {"required": required}}},
    }


def _value(name: str, annotation: Any, definitions: Schema) -> Schema:
    """Say what a parameter takes: a reference, or what pydantic says of its type; anything where it says nothing."""
    import pydantic

    if annotation is Any:
        return {}
    prefix = name.replace("/", "-")
    try:
        found = pydantic.TypeAdapter(annotation).json_schema(ref_template=f"#/$defs/{prefix}.{{model}}")
    except Exception:  # noqa: BLE001 - types of others, and of whatever pydantic has no schema for
        return {}
    for model, schema in found.pop("$defs", {}).items():
        definitions[f"{prefix}.{model}"] = _open(schema)
    opened: Schema = _or_reference(found)
    return opened


def _or_reference(schema: Any) -> Any:
    return {"anyOf": [_REFERENCE, _open(schema)]} if schema else schema


def _open(schema: Any) -> Any:
    """Let references stand inside lists and mappings, at any depth."""
    if not isinstance(schema, dict):
        return schema
    opened = dict(schema)
    for key in ("items", "additionalProperties"):
        if isinstance(opened.get(key), dict):
            opened[key] = _or_reference(opened[key])
    if isinstance(opened.get("prefixItems"), list):
        opened["prefixItems"] = [_or_reference(part) for part in opened["prefixItems"]]
    if isinstance(opened.get("properties"), dict):
        opened["properties"] = {key: _or_reference(part) for key, part in opened["properties"].items()}
    for key in ("anyOf", "oneOf", "allOf"):
        if isinstance(opened.get(key), list):
            opened[key] = [_open(part) for part in opened[key]]
    return opened


def _mapping(fields: dict[str, Schema], known: tuple[str, ...]) -> Schema:
    assert tuple(fields) == known, "the schema and the reader know the same keys"
    described = {key: {"description": _HELP[key], **schema} for key, schema in fields.items()}
    return {"type": "object", "properties": described, "additionalProperties": False}


def _named(pattern: str, schema: Schema) -> Schema:
    return {"type": "object", "patternProperties": {pattern: schema}, "additionalProperties": False}
