"""Imports uploaded files as workers do, whatever happens to a worker meanwhile."""

import gzip
import json
from collections.abc import Iterator
from typing import Any

import pytest

from console.apps.apps import App, create_app
from console.importer.uploads import (
    NewUpload,
    add_piece,
    cancel_upload,
    complete_upload,
    create_upload,
    show_upload,
)
from console.resources import Resources
from shared.clock import now_ms
from shared.database import Connection
from shared.imports.line_import import BATCH_EVENTS_MAX, ImportLimits
from shared.imports.line_reader import BLANK_LINES_MAX
from shared.imports.upload import Upload, UploadState
from shared.inbox import measure
from shared.redis import Redis
from tests.integration.conftest import SECRET_KEY
from tests.integration.console.importer.uploaded import upload_file
from tests.integration.old_days import OLD_MS, drop_old_days
from tests.integration.workers.conftest import Bench
from tests.support.build import ADMIN
from workers.imports.upload_claims import (
    ATTEMPTS_MAX,
    claim_upload,
    delete_expired_uploads,
    has_unfinished_uploads,
)
from workers.imports.upload_import import ImportedLines, import_lines

LIMITS = ImportLimits(batch_events_max=BATCH_EVENTS_MAX, batch_bytes_max=1_000_000)
MANY = 2 * BATCH_EVENTS_MAX + 100


def line(number: int, **changes: Any) -> bytes:
    event = {"type": "event", "time": OLD_MS + number, "user_id": "u", "event_id": "purchase"}
    return json.dumps(event | changes).encode() + b"\n"


def file_of(count: int) -> bytes:
    return b"".join(map(line, range(count)))


@pytest.fixture
def resources(connection: Connection, redis: Redis) -> Resources:
    return Resources(connection, redis, SECRET_KEY)


@pytest.fixture
def shop(resources: Resources) -> App:
    return create_app(resources, ADMIN, "Shop", "abc123def456")


@pytest.fixture(autouse=True)
def _without_old_days(connection: Connection) -> Iterator[None]:
    yield
    drop_old_days(connection)


def work(bench: Bench, seconds_max: float = 30.0, limits: ImportLimits = LIMITS) -> ImportedLines:
    return import_lines(bench.connection, bench.redis, limits, now_ms, seconds_max)


def shown(bench: Bench, app: App, upload: Upload) -> Upload:
    return show_upload(bench.connection, app, upload.id)


def let_claims_end(connection: Connection) -> None:
    connection.execute("UPDATE uploads SET claimed_until = now()")


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_file_is_imported_and_its_pieces_are_deleted(
    resources: Resources, shop: App, bench: Bench, pack: Any
) -> None:
    upload = upload_file(resources, shop, pack(file_of(MANY)))

    done = work(bench)
    bench.drain()

    after = shown(bench, shop, upload)
    assert (done.lines, after.state, after.lines, after.events) == (MANY, "done", MANY, MANY)
    assert len(bench.receipts("events")) == MANY
    assert bench.connection.execute("SELECT FROM upload_pieces").fetchall() == []
    assert not has_unfinished_uploads(bench.connection)


def test_clicks_events_and_bad_lines_are_counted_apart(
    resources: Resources, shop: App, bench: Bench
) -> None:
    click = json.dumps({"type": "click", "time": OLD_MS, "click_id": "c"}).encode() + b"\n"
    bad = [b"{\n", b"\n", line(2, time="soon"), b'{"type": "open", "user_id": "\xff"}\n']
    upload = upload_file(resources, shop, line(1) + click + b"".join(bad))

    work(bench)

    after = shown(bench, shop, upload)
    assert (after.lines, after.events, after.clicks, after.bad) == (5, 1, 1, 3)
    assert [(each.number, each.field) for each in after.bad_lines] == [
        (3, None),
        (5, "time"),
        (6, None),
    ]
    assert "UTF-8" in after.bad_lines[2].reason


def test_what_is_stored_is_counted_as_repeated_and_not_sent_again(
    resources: Resources, shop: App, bench: Bench
) -> None:
    click = json.dumps({"type": "click", "time": OLD_MS, "click_id": "c"}).encode() + b"\n"
    upload_file(resources, shop, file_of(3) + click)
    work(bench)
    bench.drain()
    again = upload_file(resources, shop, file_of(5) + click + line(4))

    work(bench)

    after = shown(bench, shop, again)
    assert (after.events, after.clicks, after.repeats) == (2, 0, 5)
    assert measure(bench.redis).events == 2


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_an_import_goes_on_where_its_last_job_ended(
    resources: Resources, shop: App, bench: Bench, pack: Any
) -> None:
    upload = upload_file(resources, shop, pack(b"\n" + file_of(MANY) + b"{"))

    first = work(bench, seconds_max=0)
    between = shown(bench, shop, upload)
    work(bench)

    assert first == (BATCH_EVENTS_MAX, True)
    assert (between.state, between.events) == ("running", BATCH_EVENTS_MAX)
    after = shown(bench, shop, upload)
    assert (after.state, after.events, after.lines) == ("done", MANY, MANY + 1)
    assert [each.number for each in after.bad_lines] == [MANY + 2]
    bench.drain()
    assert len(bench.receipts("events")) == MANY


def test_an_import_stops_while_the_inbox_is_long_and_holds_no_worker(
    resources: Resources, shop: App, bench: Bench
) -> None:
    limits = ImportLimits(BATCH_EVENTS_MAX, 1_000_000, backlog_events_max=BATCH_EVENTS_MAX)
    upload = upload_file(resources, shop, file_of(MANY))

    assert work(bench, limits=limits) == (2 * BATCH_EVENTS_MAX, False)
    assert work(bench, limits=limits) == (0, False)
    assert has_unfinished_uploads(bench.connection)
    bench.drain()
    assert work(bench, limits=limits) == (MANY - 2 * BATCH_EVENTS_MAX, True)
    assert shown(bench, shop, upload).state is UploadState.DONE


def test_a_worker_that_dies_before_it_stores_its_progress_doubles_nothing(
    resources: Resources, shop: App, bench: Bench
) -> None:
    upload = upload_file(resources, shop, file_of(MANY))
    bench.connection.execute(
        """
        CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF new.lines > old.lines AND old.lines > 0 THEN RAISE EXCEPTION 'died'; END IF;
            RETURN new;
        END $$
        """
    )
    bench.connection.execute(
        "CREATE TRIGGER die BEFORE UPDATE ON uploads FOR EACH ROW EXECUTE FUNCTION die()"
    )
    try:
        with pytest.raises(Exception, match="died"):
            work(bench)
    finally:
        bench.connection.execute("DROP FUNCTION die CASCADE")

    assert measure(bench.redis).events == 2 * BATCH_EVENTS_MAX
    assert work(bench) == (0, False)  # the claim of the dead worker has not ended
    let_claims_end(bench.connection)
    work(bench)
    bench.drain()
    assert len(bench.receipts("events")) == MANY
    after = shown(bench, shop, upload)
    assert (after.state, after.events + after.repeats) == ("done", MANY)


def test_what_two_workers_import_at_once_counts_once(
    resources: Resources, shop: App, bench: Bench
) -> None:
    upload = upload_file(resources, shop, file_of(3))
    assert claim_upload(bench.connection) is not None  # and then it hangs
    let_claims_end(bench.connection)
    work(bench)

    assert work(bench) == (0, False)
    assert shown(bench, shop, upload).events == 3


def test_an_import_that_is_cancelled_stops_and_keeps_what_it_has_imported(
    resources: Resources, shop: App, bench: Bench
) -> None:
    upload = upload_file(resources, shop, file_of(MANY))
    work(bench, seconds_max=0)

    cancel_upload(bench.connection, ADMIN, shop, upload.id)

    assert work(bench) == (0, False)
    after = shown(bench, shop, upload)
    assert (after.state, after.events) == ("cancelled", BATCH_EVENTS_MAX)


def test_a_file_that_cannot_be_unpacked_fails_with_a_reason_and_what_was_read_stays(
    resources: Resources, shop: App, bench: Bench
) -> None:
    upload = upload_file(resources, shop, gzip.compress(file_of(MANY))[:-4])

    work(bench)

    after = shown(bench, shop, upload)
    assert (after.state, after.events) == ("failed", 2 * BATCH_EVENTS_MAX)
    assert after.reason == "The gzip file is cut off. Upload all of it again."


def test_an_import_that_never_comes_further_fails_and_can_be_continued(
    resources: Resources, shop: App, bench: Bench
) -> None:
    upload = upload_file(resources, shop, file_of(3))
    for _ in range(ATTEMPTS_MAX):
        assert claim_upload(bench.connection) is not None
        let_claims_end(bench.connection)

    assert claim_upload(bench.connection) is None
    failed = shown(bench, shop, upload)
    assert failed.state is UploadState.FAILED
    assert failed.reason is not None
    complete_upload(resources, ADMIN, shop, upload.id)
    work(bench)
    assert shown(bench, shop, upload).events == 3


def test_uploads_take_turns(resources: Resources, shop: App, bench: Bench) -> None:
    other = create_app(resources, ADMIN, "Other")
    large = upload_file(resources, shop, file_of(MANY))
    small = upload_file(resources, other, file_of(3))

    for _ in range(2):
        work(bench, seconds_max=0)

    assert shown(bench, other, small).lines == 3
    assert shown(bench, shop, large).lines == BATCH_EVENTS_MAX


def test_an_upload_is_deleted_when_its_time_is_up(shop: App, bench: Bench) -> None:
    connection = bench.connection
    upload = create_upload(connection, ADMIN, shop, NewUpload("a", 1), 10**10)
    add_piece(connection, ADMIN, shop, upload.id, 1, b"{")

    assert delete_expired_uploads(connection) == 0
    connection.execute("UPDATE uploads SET expires_at = now()")
    assert delete_expired_uploads(connection) == 1
    assert connection.execute("SELECT FROM upload_pieces").fetchall() == []


def test_a_file_of_blank_lines_is_imported_in_steps_that_are_stored(
    resources: Resources, shop: App, bench: Bench
) -> None:
    blank = BATCH_EVENTS_MAX * BLANK_LINES_MAX
    upload = upload_file(resources, shop, gzip.compress(b"\n" * (blank + 5) + line(1)))

    first = work(bench, seconds_max=0)
    between = shown(bench, shop, upload)
    work(bench)

    assert (first, between.line_number, between.state) == ((0, True), blank, "running")
    after = shown(bench, shop, upload)
    assert (after.state, after.lines, after.events, after.bad) == ("done", 1, 1, 0)
    assert after.line_number == blank + 6


def test_a_packed_file_that_cannot_be_read_up_to_where_its_import_stands_fails_with_a_reason(
    resources: Resources, shop: App, bench: Bench
) -> None:
    upload = upload_file(resources, shop, gzip.compress(file_of(3))[:-4])
    bench.connection.execute("UPDATE uploads SET imported_bytes = 1000000")

    assert work(bench) == (0, True)

    after = shown(bench, shop, upload)
    assert (after.state, after.reason) == (
        "failed",
        "The gzip file is cut off. Upload all of it again.",
    )
