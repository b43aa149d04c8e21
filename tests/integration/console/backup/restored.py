"""The empty database that a backup is restored into."""

from collections.abc import Iterator

from shared.database import Connection, connect

NAME = "restored"


def opened_target(database_url: str) -> Iterator[Connection]:
    """Opens an empty database that no migration has reached, and drops it at the end."""
    url = database_url.replace("/waybill?", f"/{NAME}?")
    with connect(database_url, "tests") as admin:
        admin.execute(f"DROP DATABASE IF EXISTS {NAME}".encode())
        admin.execute(f"CREATE DATABASE {NAME}".encode())
        with connect(url, "tests") as connection:
            yield connection
        admin.execute(f"DROP DATABASE {NAME}".encode())
