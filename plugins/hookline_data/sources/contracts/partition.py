"""Which partition of a source is meant, by the values of its keys."""

from __future__ import annotations

from hookline import UsageError
from hookline_data.sources.contracts.contract import Contract
from hookline_data.sources.contracts.template import Partition, Template
from hookline_data.sources.remote.sql_text import parameters_of

__all__ = ["partition_keys", "partition_values"]


def partition_keys(contract: Contract) -> tuple[str, ...]:
    """Tell the keys by which parts of a source are told apart; empty where it has no parts."""
    if contract.kind == "sql":
        return parameters_of(contract.query)
    return () if contract.secret else Template(contract.uri).keys


def partition_values(contract: Contract, partition: Partition) -> dict[str, str]:
    """Tell the text of each key of a partition; none for the whole source.

    Raises:
        UsageError: It is no partition of the source.
    """
    if contract.kind != "sql":
        try:
            return Template("" if contract.secret else contract.uri).values(partition)
        except UsageError as error:
            raise UsageError(
                f"the source '{contract.name}' ({contract.where}): {error.message}", help=error.help
            ) from None
    keys = partition_keys(contract)
    stand_in = Template("".join(f"{{{key}}}" for key in keys))
    if partition is None and keys:
        named = ", ".join(f":{key}" for key in keys)
        raise UsageError(f"the query of the source '{contract.name}' needs {named}", help="load(…, partition=…)")
    if partition is not None and not keys:
        raise UsageError(
            f"the source '{contract.name}' ({contract.where}) has no partitions",
            help="put a parameter into its query: WHERE day = :day",
        )
    try:
        return stand_in.values(partition)
    except UsageError as error:
        raise UsageError(f"the query of the source '{contract.name}': {error.message}", help=error.help) from None
