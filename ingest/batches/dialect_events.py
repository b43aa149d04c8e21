"""Reads an event of a batch that is given as the parameters of a dialect's endpoint.

    {"dialect": "swaarm", "endpoint": "/postback", "id": "…", "params": {"user_id": "…", …}}

It is read by the endpoint's own dialect, from the same parameters: so it becomes the same event. A
batch comes from a server. So nobody is redirected, and neither its address nor its user agent say
anything about the device: those have to be among the parameters.
"""

from dataclasses import replace

import msgspec

from ingest.dialects.adjust.ad_revenue import AD_REVENUE
from ingest.dialects.adjust.event import EVENT, REVENUE
from ingest.dialects.adjust.session import SESSION
from ingest.dialects.affiliate.conversion import CONVERSIONS
from ingest.dialects.affiliate.keitaro import KEITARO
from ingest.dialects.appsflyer.inappevent import INAPPEVENT
from ingest.dialects.dialect import Dialect
from ingest.dialects.segment.message import MESSAGES
from ingest.dialects.singular.call import CALLS as SINGULAR_CALLS
from ingest.dialects.swaarm.click import CLICK, IMPRESSION, read_click_id
from ingest.dialects.swaarm.postback import POSTBACK
from ingest.dialects.swaarm.s2sevent import S2SEVENT
from ingest.parameters import RawParameters
from ingest.sent_pairs import json_value_pairs
from shared.errors import MalformedField, TooManyParameters
from shared.lines.line import MalformedEvent


class DialectLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The fields of such an event. `params` is an object, or a query as it would stand in a URL."""

    dialect: str
    params: dict[str, msgspec.Raw] | str
    endpoint: str | None = None
    id: str | None = None


_ENDPOINTS: dict[str, dict[str, Dialect]] = {
    "swaarm": {
        "/postback": POSTBACK,
        "/s2sevent": S2SEVENT,
        "/click": replace(CLICK, read=read_click_id),
        "/impression": IMPRESSION,
    },
    "affiliate": {"/conversion": CONVERSIONS, "/{s2s_token}/postback": KEITARO},
    "appsflyer": {"/inappevent/{app_id}": INAPPEVENT},
    "segment": {f"/v1/{call}": dialect for call, dialect in MESSAGES.items()},
    "singular": SINGULAR_CALLS,
    "adjust": {
        "/event": EVENT,
        "/revenue": REVENUE,
        "/session": SESSION,
        "/ad_revenue": AD_REVENUE,
    },
}

_decoder = msgspec.json.Decoder(DialectLine)


def decode_dialect_line(text: msgspec.Raw | bytes | memoryview) -> DialectLine:
    """Decodes such an event. Raises MalformedEvent."""
    try:
        return _decoder.decode(text)
    except msgspec.MsgspecError as error:
        raise MalformedEvent(
            "An event with a dialect has the fields dialect, endpoint, id and params. Params is an "
            "object, or a query string."
        ) from error


def dialect_name(value: object) -> str | None:
    """Returns the name of a dialect, None for anything else that an event may name."""
    return value if isinstance(value, str) and value in _ENDPOINTS else None


def secret_names(dialect: str) -> frozenset[str]:
    """Returns the parameters that may hold a token at any endpoint of a dialect."""
    endpoints = _ENDPOINTS.get(dialect, {}).values()
    return frozenset().union(*(endpoint.secret_names for endpoint in endpoints))


def endpoint_of(line: DialectLine) -> Dialect:
    """Returns the endpoint that a line names, else its dialect's first. Raises MalformedField."""
    endpoints = _ENDPOINTS.get(line.dialect)
    if endpoints is None:
        raise MalformedField("dialect", f"must be {' or '.join(_ENDPOINTS)}.")
    if line.endpoint is None:
        return next(iter(endpoints.values()))
    dialect = endpoints.get(line.endpoint)
    if dialect is None:
        raise MalformedField("endpoint", f"must be one of {', '.join(endpoints)}.")
    return dialect


def raw_parameters(line: DialectLine, dialect: Dialect) -> RawParameters:
    """Returns the parameters of a line as if they had been sent alone. Raises TooManyParameters."""
    if isinstance(line.params, str):
        return RawParameters(line.params.encode(), b"", dialect.parameters_max)
    if len(line.params) > dialect.parameters_max:
        raise TooManyParameters(dialect.parameters_max)
    try:
        pairs = json_value_pairs(line.params)
    except (UnicodeError, msgspec.MsgspecError) as error:
        raise MalformedEvent("A text in params is not Unicode.") from error
    return RawParameters(b"", b"", dialect.parameters_max, document=pairs)
