"""One lazy validation by pandera, and what it found in hookline's words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hookline import HooklineError
from hookline_data.tables.frames import Frame
from hookline_data.tables.libraries import pandas, pandera_config, pandera_errors
from hookline_data.validation.faults import Faults
from hookline_data.validation.finding import Finding
from hookline_data.validation.lending import lent_schema
from hookline_data.validation.rows import union

__all__ = ["Inspection", "Inspector"]


@dataclass(frozen=True, slots=True)
class Inspection:
    """What one look at a table found.

    Attributes:
        data: The table as the schema makes it: coerced, parsed; as it was where the schema only checks.
        findings: What is wrong.
        unreadable: Numbers of rows with cells that are not of their column's type, so that other checks could not look
            at that column.
    """

    data: Frame
    findings: tuple[Finding, ...] = ()
    unreadable: Sequence[int] = ()


class Inspector:
    """Looks at tables with a schema of pandera's.

    Args:
        schema: A ``DataFrameSchema``, which stays as it is.
        library: Whose frames it is for.
    """

    def __init__(self, schema: Any, library: str) -> None:
        self._schema = lent_schema(schema)
        self._library = library
        self._only_checks = _only_checks(schema)
        # A frame of pandas 3 is copied when it is written to, so pandera need not copy all of it beforehand.
        copies = library == "pandas" and int(pandas().__version__.partition(".")[0]) >= 3
        backend = getattr(pandera_config().CONFIG, "use_narwhals_backend", False)  # it takes nothing in place
        self._lends = copies and not backend and schema.strict != "filter"  # columns can't be left out in place

    def look(self, table: Frame) -> Inspection:
        """Validate a table, and collect all that is wrong.

        Raises:
            HooklineError: The schema can't be applied at all, or changes the number of rows.
        """
        data, failures = self._validated(table)
        data = table if self._only_checks else data
        if len(data) != len(table):
            raise HooklineError(
                f"the schema{self._name} makes {len(data)} rows of {len(table)}",
                help="a parser of a schema may change cells, not drop rows; check them instead, so that they are told",
            )
        if not failures:
            return Inspection(data)
        tell = Faults(self._schema, self._library, table, data).told
        faults = [fault for failure in failures for fault in tell(failure)]
        untyped = {fault.finding.column for fault in faults if fault.about == "type"}
        # That texts can't be compared with numbers is no news where the type is told.
        news = [fault for fault in faults if not (fault.about == "raised" and fault.finding.column in untyped)]
        unreadable = [one.rows for one, about in news if about == "type" and one.of_rows and one.rows is not None]
        return Inspection(data, tuple(fault.finding for fault in news), union(unreadable))

    def _validated(self, table: Frame) -> tuple[Frame, Sequence[Any]]:
        errors, settings = pandera_errors(), pandera_config()
        given = self._lent(table)
        options = {"inplace": True} if self._lends else {}
        depth = settings.ValidationDepth.SCHEMA_AND_DATA
        try:
            # A switch in the environment must not let a table pass unseen.
            with settings.config_context(validation_enabled=True, validation_depth=depth):
                return self._given_back(self._schema.validate(given, lazy=True, **options), table), ()
        except errors.SchemaErrors as error:
            data = error.data.collect() if hasattr(error.data, "collect") else error.data
            return self._given_back(data, table), error.schema_errors
        except errors.SchemaError as error:
            return table, (error,)
        except Exception as error:  # whatever parsers raise, and pandera where a schema is of no use
            raise HooklineError(
                f"the schema{self._name} can't be applied: {type(error).__name__}: {error}",
                help="try it alone: schema.validate(table, lazy=True)",
            ) from error

    def _lent(self, table: Frame) -> Frame:
        """Give pandera a table whose labels tell rows apart, without which it raises where checks fail."""
        if self._library != "pandas":
            return table
        lent = table.copy(deep=False) if self._lends else table
        if self._schema.index is None and not table.index.is_unique:
            lent = lent.set_axis(pandas().RangeIndex(len(table)), axis=0)
        return lent

    def _given_back(self, data: Frame, table: Frame) -> Frame:
        """Give the table as pandera made it, with the labels that it had."""
        if self._library != "pandas" or self._schema.index is not None or len(data) != len(table):
            return data
        return data if data.index is table.index or table.index.is_unique else data.set_axis(table.index, axis=0)

    @property
    def _name(self) -> str:
        return f" '{self._schema.name}'" if self._schema.name else ""


def _only_checks(schema: Any) -> bool:
    """Tell whether a schema gives a table back as it was."""
    makes = schema.coerce or schema.strict == "filter" or schema.add_missing_columns or getattr(schema, "parsers", None)
    parts = [*schema.columns.values(), *([schema.index] if getattr(schema, "index", None) is not None else [])]
    return not makes and not any(
        part.coerce or getattr(part, "parsers", None) or getattr(part, "default", None) is not None for part in parts
    )
