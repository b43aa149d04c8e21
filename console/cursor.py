"""Names the place at which a page of a list goes on."""

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from console.moments import checked_moment
from shared.errors import BadValue


@dataclass(frozen=True)
class Cursor:
    """The place of a row in the order of times and IDs; a page goes on behind it."""

    time: datetime
    id: UUID

    def __str__(self) -> str:
        return f"{self.time.astimezone(UTC).isoformat()}_{self.id}"

    @classmethod
    def read(cls, text: str | None) -> "Cursor | None":
        """Reads the parameter `before`, which the first page does not have. Raises BadValue."""
        return cls.parse(text) if text else None

    @classmethod
    def parse(cls, text: str) -> "Cursor":
        """Reads the text of a cursor. Raises BadValue."""
        time, _, number = text.partition("_")
        try:
            return cls(checked_moment("before", datetime.fromisoformat(time)), UUID(number))
        except (ValueError, BadValue):
            raise BadValue("before", "must be the value that the page before gave.") from None
