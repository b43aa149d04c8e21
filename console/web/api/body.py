"""Reads the body of a call. A field that its type does not have is refused, at any depth.

A mistyped filter would otherwise send every callback again, and a mistyped number of days keep
everything for good.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

import falcon
import msgspec
from msgspec import inspect

from console.moments import check_times
from console.web.api.api_call import ApiEndpoint
from console.web.page_errors import BadRequest
from shared.imports.upload import PIECE_BYTES_MAX

BODY_BYTES_MAX = 65_536
_SHOWN_CHARACTERS_MAX = 64  # of a name that nobody has


def read_body(endpoint: ApiEndpoint, request: falcon.Request) -> Any:
    """Reads the body of a call, None if it takes none. Raises BadRequest."""
    is_piece = endpoint.body_type is bytes
    bytes_max = PIECE_BYTES_MAX if is_piece else BODY_BYTES_MAX
    body = request.bounded_stream.read(bytes_max + 1)
    if len(body) > bytes_max:
        raise BadRequest(f"The body is too large. Send at most {bytes_max} bytes.")
    if endpoint.body_type is None:
        return None
    if is_piece:
        return body
    if (request.content_type or "").partition(";")[0].strip().lower() != falcon.MEDIA_JSON:
        raise BadRequest("Send the body as application/json.")
    try:
        content = msgspec.json.decode(body, type=endpoint.body_type)
        check_times(content)
        unknown = unknown_field(msgspec.json.decode(body), endpoint.body_type)
    except msgspec.ValidationError as error:
        raise BadRequest(f"The body does not match the schema of this call: {error}.") from None
    except (msgspec.DecodeError, UnicodeError, RecursionError):  # the last: a thousand deep
        raise BadRequest("The body is not valid JSON.") from None
    if unknown is not None:
        raise BadRequest(
            f"The body does not match the schema of this call: it has no field `{unknown}`."
        )
    return content


def unknown_field(document: object, type_: Any) -> str | None:
    """Returns a name in a document that its type does not have; None if it has all of them."""
    return _unknown(document, _described(type_))


@cache
def _described(type_: Any) -> inspect.Type:
    return inspect.type_info(type_)


def _unknown(document: object, type_: inspect.Type) -> str | None:
    match type_:
        case inspect.DataclassType() | inspect.StructType() if isinstance(document, Mapping):
            fields = {field.encode_name: field.type for field in type_.fields}
            for name, part in document.items():
                if name not in fields:
                    return str(name)[:_SHOWN_CHARACTERS_MAX]
                if (found := _unknown(part, fields[name])) is not None:
                    return found
        case inspect.CollectionType() if isinstance(document, list):
            found_in = (_unknown(part, type_.item_type) for part in document)
            return next((found for found in found_in if found is not None), None)
        case inspect.UnionType():
            # At most one of its types has fields of its own: the others are plain values.
            found_in = (_unknown(document, each) for each in type_.types)
            return next((found for found in found_in if found is not None), None)
    return None
