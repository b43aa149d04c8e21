"""Collects the bytes of one connection until a request is whole. Pure: bytes in, bytes out.

It finds the end of a request and judges nothing else; gunicorn's parser reads what is whole.
"""

HEAD_BYTES_MAX = 80 * 1024
BODY_BYTES_MAX = 512 * 1024  # a form has at most 256 KiB, and a body of the API 64
_HEAD_END = b"\r\n\r\n"
_LINE_END = b"\r\n"
_CHUNK_LINE_BYTES_MAX = 1024


class RequestBuffer:
    """The bytes that were received and not yet taken."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._head_bytes = 0
        self._position = 0  # of the next chunk, or of what was searched for the end of the head
        self._body_bytes: int | None = None  # None: it is sent in chunks

    @property
    def size_bytes(self) -> int:
        return len(self._data)

    @property
    def has_head(self) -> bool:
        """Tells whether the header of the request has arrived."""
        return self._head_bytes > 0

    @property
    def expects_invitation(self) -> bool:
        """Tells whether the client waits to be told to send its body."""
        return self.has_head and b"100-continue" in self._fields().get(b"expect", b"").lower()

    def feed(self, data: bytes) -> bool:
        """Adds bytes, and tells whether a request is whole. Raises ValueError if it is too large.

        What can be no request is whole as well: gunicorn's parser refuses it.
        """
        self._data += data
        if not self.has_head:
            self._find_head()
        if not self.has_head:
            return False
        return self._request_bytes() is not None

    def take(self) -> bytes:
        """Removes the whole request from the buffer and returns it."""
        size_bytes = self._request_bytes() or 0
        request = bytes(self._data[:size_bytes])
        del self._data[:size_bytes]
        self._head_bytes = self._position = 0
        return request

    def _find_head(self) -> None:
        if not self._position:
            stripped = self._data.lstrip(_LINE_END)  # blank lines before it (RFC 9112, section 2.2)
            del self._data[: len(self._data) - len(stripped)]
        end = self._data.find(_HEAD_END, max(0, self._position - len(_HEAD_END)))
        self._position = len(self._data)
        if end > HEAD_BYTES_MAX or (end < 0 and len(self._data) > HEAD_BYTES_MAX):
            raise ValueError("header")
        if end < 0:
            return
        self._head_bytes = self._position = end + len(_HEAD_END)
        fields = self._fields()
        length = fields.get(b"content-length", b"0")
        self._body_bytes = int(length) if length.isdigit() else 0
        if b"chunked" in fields.get(b"transfer-encoding", b"").lower():
            self._body_bytes = None
        if (self._body_bytes or 0) > BODY_BYTES_MAX:
            raise ValueError("body")

    def _fields(self) -> dict[bytes, bytes]:
        lines = bytes(self._data[: self._head_bytes]).split(_LINE_END)[1:]
        pairs = (line.partition(b":") for line in lines)
        return {name.strip().lower(): value.strip() for name, _, value in pairs}

    def _request_bytes(self) -> int | None:
        """Returns the size of the request, None while a part is missing. Raises ValueError."""
        if self._body_bytes is not None:
            size_bytes = self._head_bytes + self._body_bytes
            return size_bytes if len(self._data) >= size_bytes else None
        if len(self._data) - self._head_bytes > BODY_BYTES_MAX:
            raise ValueError("body")
        while (end := self._data.find(_LINE_END, self._position)) >= 0:
            digits = self._data[self._position : end].partition(b";")[0].strip()
            try:
                chunk_bytes = int(digits, 16)
            except ValueError:
                return len(self._data)
            if chunk_bytes == 0:
                # The last chunk, trailer fields, and a blank line.
                last = self._data.find(_HEAD_END, end)
                return last + len(_HEAD_END) if last >= 0 else None
            next_position = end + len(_LINE_END) + chunk_bytes + len(_LINE_END)
            if next_position > len(self._data):
                return None
            self._position = next_position
        is_line = len(self._data) - self._position <= _CHUNK_LINE_BYTES_MAX
        return None if is_line else len(self._data)
