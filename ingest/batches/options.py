"""Reads what the query of a batch asks for: which verdicts to return, and whether to store."""

from typing import NamedTuple

from ingest.parameters import RawParameters
from shared.errors import MalformedField


class BatchOptions(NamedTuple):
    """The wishes of a sender: only verdicts that need attention, or a check without storing."""

    failed_only: bool = False
    validate_only: bool = False


def read_options(query: bytes) -> BatchOptions:
    """Reads the query. Raises RequestError, also for an unknown name.

    A misspelt `validate` would store what was only to be checked.
    """
    parameters = RawParameters(query, b"").parameters(without=())
    results, validate = parameters.take("results"), parameters.take("validate")
    if results not in {None, "all", "failed"}:
        raise MalformedField("results", "must be all or failed.")
    if validate not in {None, "only"}:
        raise MalformedField("validate", "must be only. Leave it out to store the events.")
    if unknown := sorted(parameters.rest()):
        raise MalformedField(unknown[0], "is not a parameter of a batch. Use results or validate.")
    return BatchOptions(results == "failed", validate == "only")
