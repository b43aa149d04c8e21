"""Answers leave in one piece, and none is kept back."""

import asyncio

from ingest.http.buffered_transport import BufferedTransport


class Recorder(asyncio.Transport):
    """A transport that records each write that reached the connection."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self.closed
        self.writes.append(bytes(data))

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True


def test_head_and_body_are_one_write_once_the_answer_is_complete() -> None:
    transport = Recorder()
    answer = BufferedTransport(transport)

    answer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    answer.write(b"body")
    assert transport.writes == []
    answer.send()

    assert transport.writes == [b"HTTP/1.1 200 OK\r\n\r\nbody"]


def test_the_next_answer_begins_anew() -> None:
    transport = Recorder()
    answer = BufferedTransport(transport)

    for part in (b"one", b"two"):
        answer.write(part)
        answer.send()
    answer.send()

    assert transport.writes == [b"one", b"two"]


def test_a_connection_that_closes_has_sent_what_there_was() -> None:
    transport = Recorder()
    answer = BufferedTransport(transport)

    answer.write(b"HTTP/1.1 500 ")
    answer.close()

    assert transport.writes == [b"HTTP/1.1 500 "]
    assert answer.is_closing()
