"""Inflates gzip bodies, and stops at a limit: a bomb costs no memory."""

import zlib

from shared.errors import RequestTooLarge

MAGIC = b"\x1f\x8b"  # how any gzip body begins
ENCODINGS = frozenset({"gzip", "x-gzip"})

_GZIP_ONLY = 31  # for zlib: a gzip header, and the largest window
_MEMBERS_MAX = 1_000  # parts of one gzip body, each with a header of its own


class BrokenGzip(ValueError):
    """A gzip body that cannot be read, with a sentence for its sender."""


def inflate(body: bytes, bytes_max: int) -> bytes:
    """Inflates all members of a gzip body. Raises BrokenGzip, RequestTooLarge."""
    parts, size_bytes = [], 0
    for _ in range(_MEMBERS_MAX):
        inflater = zlib.decompressobj(_GZIP_ONLY)
        try:
            part = inflater.decompress(body, bytes_max + 1 - size_bytes)
        except zlib.error as error:
            raise BrokenGzip("The body is not valid gzip. Send it again, or plain.") from error
        size_bytes += len(part)
        if size_bytes > bytes_max:
            raise RequestTooLarge(bytes_max)
        if not inflater.eof:
            raise BrokenGzip("The gzip body ends too early. Send the whole of it.")
        parts.append(part)
        body = inflater.unused_data
        if not body:
            return b"".join(parts)
    raise BrokenGzip(f"The gzip body has more than {_MEMBERS_MAX} members. Send it as one.")
