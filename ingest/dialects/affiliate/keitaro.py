"""`/{s2s_token}/postback`: Keitaro's postback, with the key in its path and the answer it names.

Source: docs.keitaro.io, "Postback". `return` is the text to answer, in plain text and only if it
is one word or a few.
"""

import re

from ingest.dialects.affiliate.conversion import (
    LINK_NAMES,
    NAME,
    NETWORK_TOKEN_NAME,
    build_conversion,
)
from ingest.dialects.common_fields import TOKEN_NAMES, open_marker
from ingest.dialects.dialect import RECEIPT, Dialect, ParsedRequest, Reply, RequestContext
from ingest.dialects.swaarm.responses import error_reply
from ingest.parameters import Parameters

_ANSWER = "Success"
_PLAIN = re.compile(r"[A-Za-z0-9 ]{1,32}")
_TEXT = {"Content-Type": "text/plain; charset=utf-8", "X-Content-Type-Options": "nosniff"}


def read_keitaro(parameters: Parameters, context: RequestContext) -> ParsedRequest:
    """Reads a call. Raises RequestError for the first field that is missing or malformed."""
    asked = parameters.take("return") or _ANSWER
    answer = asked if _PLAIN.fullmatch(asked) else _ANSWER
    event = build_conversion(parameters, context, "/{s2s_token}/postback")
    reply = Reply(200, answer.encode(), {RECEIPT: str(event.receipt), **_TEXT})
    return ParsedRequest(event, reply, marker=open_marker(event))


KEITARO = Dialect(
    name=NAME,
    token_names=TOKEN_NAMES,
    read=read_keitaro,
    error_reply=error_reply,
    named_link=LINK_NAMES,
    network_token_name=NETWORK_TOKEN_NAME,
)
