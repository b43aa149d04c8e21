"""What a handler gives back; `door` makes the response of it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Page:
    """A template with its values."""

    template: str
    values: dict[str, Any] = field(default_factory=dict)
    status: int = 200


@dataclass(frozen=True)
class Redirect:
    """To a path of this console; `said` is shown there, once. With a `session`, the browser holds
    that one from now on.
    """

    path: str
    said: str = ""
    session: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Download:
    """A file for the person, part by part. What makes the parts borrows a connection of its own:
    the visit's is given back before the first of them goes out.
    """

    filename: str
    content_type: str
    parts: Iterable[bytes]


@dataclass(frozen=True)
class Finished:
    """A body that somebody else has made, with the Content-Security-Policy that it needs."""

    content_type: str
    body: bytes
    policy: str = ""


Answer = Finished | Page | Redirect | Download
