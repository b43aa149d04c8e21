"""Partners: who may bring users."""

from dataclasses import dataclass
from datetime import datetime

from console.validation import label
from shared.database import Connection, run

NAME_CHARACTERS_MAX = 100


@dataclass(frozen=True)
class Partner:
    id: int
    name: str
    created_at: datetime


def ensure_partner(connection: Connection, name: str) -> Partner:
    """The partner of this name, made when new. Raises OperatorError for a malformed name."""
    name = label("partner", name, NAME_CHARACTERS_MAX)
    run(connection, "INSERT INTO partners (name) VALUES (%s) ON CONFLICT DO NOTHING", (name,))
    row = run(
        connection, "SELECT id, name, created_at FROM partners WHERE name = %s", (name,)
    ).fetchone()
    assert row is not None
    return Partner(*row)
