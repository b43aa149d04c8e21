"""What changes while a callback is in flight, and faults that must not be repeated for ever."""

import threading

import pytest

from shared.database import Connection, DatabaseError
from tests.integration.deploy.polling import until
from tests.integration.workers.deliver.conftest import Office
from workers.deliver.outbox_claims import claim, release
from workers.patient_database import PATIENT, Database, Patience


@pytest.mark.parametrize("column", ["paused_at", "deleted_at", "disabled_at"])
def test_what_is_in_flight_is_noted_and_nothing_more_is_sent(office: Office, column: str) -> None:
    office.due(office.endpoint("slow", concurrency_max=1), 4)

    def change() -> None:
        until(lambda: bool(office.receiver.requests))
        office.connection.execute(f"UPDATE callback_endpoints SET {column} = now()".encode())

    changing = threading.Thread(target=change)
    changing.start()
    office.deliver()
    changing.join()

    states = sorted(office.states().values(), key=str)
    delivered = [each for each in states if each == ("delivered", 1, None)]
    assert 1 <= len(delivered) < 4
    assert states[len(delivered) :] == [("waiting", 0, None)] * (4 - len(delivered))
    assert len(office.receiver.requests) == len(delivered)


@pytest.mark.parametrize(
    ("path", "kept_secret", "outcome"),
    [
        ("200", b"wrapped by no key that there is", "an internal error"),
        ("absurd", None, "status 503"),  # it asks to be asked again at a date that does not exist
    ],
)
def test_a_fault_is_an_attempt_and_waits_for_its_next(
    office: Office, path: str, kept_secret: bytes | None, outcome: str
) -> None:
    office.due(office.endpoint(path, kept_secret=kept_secret), 3)

    office.deliver()
    office.deliver()

    found = office.outcomes()
    assert [text.startswith(outcome) for text, _ in found] == [True] * 3
    assert {(state, number) for state, number, _ in office.states().values()} == {("waiting", 1)}
    rows = office.connection.execute("SELECT min(due_at - now()) > '1 second' FROM callbacks")
    assert rows.fetchall() == [(True,)]


def test_a_claim_that_lapsed_and_is_another_processs_now_is_not_given_back(office: Office) -> None:
    endpoint = office.endpoint("200")
    [callback] = office.due(endpoint)
    first = claim(office.connection, {endpoint: 1})
    office.connection.execute("UPDATE callbacks SET due_at = now()")
    second = claim(office.connection, {endpoint: 1})

    release(office.connection, first)

    assert office.states() == {callback: ("waiting", 2, None)}
    assert claim(office.connection, {endpoint: 1}) == []
    release(office.connection, second)
    release(office.connection, second)  # as when the first answer is lost
    assert office.states() == {callback: ("waiting", 1, None)}


def test_an_attempt_counts_only_if_all_is_known_that_it_needs(office: Office) -> None:
    [callback] = office.due(office.endpoint("200"))
    looks = iter((False, True))
    office.connection.execute("ALTER TABLE sharing_choices RENAME TO sharing_choices_away")
    try:
        office.deliver(is_over=lambda: next(looks))
    finally:
        office.connection.execute("ALTER TABLE sharing_choices_away RENAME TO sharing_choices")

    assert office.receiver.requests == []
    assert office.states() == {callback: ("waiting", 0, None)}
    office.deliver()
    assert office.states() == {callback: ("delivered", 1, None)}


class FailingDatabase(Database):
    """A database that cannot be reached for the next few times."""

    faults = 0

    def connection(self, patience: Patience = PATIENT) -> Connection:
        if self.faults:
            self.faults -= 1
            raise DatabaseError
        return super().connection(patience)


def test_what_was_sent_is_noted_though_postgresql_is_away_for_a_moment_as_the_process_ends(
    office: Office, database_url: str
) -> None:
    [callback] = office.due(office.endpoint("200"))
    database = FailingDatabase(database_url)
    office.database = database
    looks = iter((False, True))

    def is_over() -> bool:
        ends = next(looks)
        database.faults = 3 if ends else 0
        return ends

    office.deliver(is_over=is_over)
    database.close()

    assert office.states() == {callback: ("delivered", 1, None)}
    assert len(office.receiver.requests) == 1
