"""The answers that a page handler may return; `page_dispatcher` writes them as responses."""

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
    """A redirect to a path of this console, where the message `flash` is shown once.

    With a `session`, the browser holds that one from now on; with `browser`, it is known as one in
    which the person has signed in.
    """

    path: str
    flash: str = ""
    session: str | None = field(default=None, repr=False)
    browser: str = field(default="", repr=False)


@dataclass(frozen=True)
class Departure:
    """A redirect to another site, which is to send the browser back.

    `begun` is what the browser keeps until then.
    """

    address: str
    begun: str = field(repr=False)


@dataclass(frozen=True)
class Download:
    """A file that is streamed part by part.

    The producer of the parts borrows a connection of its own: that of the request is returned
    before the first part is sent.
    """

    filename: str
    content_type: str
    parts: Iterable[bytes]


@dataclass(frozen=True)
class Finished:
    """A body that another application has rendered, with the Content-Security-Policy it needs."""

    content_type: str
    body: bytes
    policy: str = ""


Answer = Finished | Page | Redirect | Departure | Download
