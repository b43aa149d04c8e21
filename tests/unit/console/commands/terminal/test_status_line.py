import io
import os

from console.commands.terminal.output import discard
from console.commands.terminal.status_line import StatusLine, StatusSample, describe_load
from console.pipeline.health import Status


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_load_is_events_per_second_since_the_last_look() -> None:
    before = StatusSample(Status(0, 0, 1000, 0), 10.0)
    now = StatusSample(Status(1234, 1500, 5000, 1), 12.0)

    assert describe_load(now, before) == (
        "2,000 events/s · 1,234 waiting · oldest 1.5 s · 5,000 accepted"
    )


def test_a_redis_that_lost_its_count_is_no_negative_load() -> None:
    assert describe_load(
        StatusSample(Status(0, 0, 3, 0), 11.0), StatusSample(Status(0, 0, 9, 0), 10.0)
    ).startswith("0 events/s")


def test_a_terminal_sees_one_line_rewritten() -> None:
    file = Terminal()
    line = StatusLine(file, enabled=True)

    line.show("one")
    line.show("one")
    line.say("ingest ended")

    assert file.getvalue() == "\r\x1b[Kone\r\x1b[Kone\r\x1b[Kingest ended\n"


def test_a_log_gets_a_line_when_something_changed() -> None:
    file = io.StringIO()
    line = StatusLine(file, enabled=True)

    for load in ("one", "one", "two"):
        line.show(load)

    assert file.getvalue() == "one\ntwo\n"


def test_a_program_that_reads_json_gets_no_status_but_warnings() -> None:
    file = io.StringIO()
    line = StatusLine(file, enabled=False)

    line.show("one")
    line.say("ingest ended")

    assert file.getvalue() == "ingest ended\n"


def test_an_output_that_nobody_reads_ends_nothing() -> None:
    reader, writer = os.pipe()
    file = os.fdopen(writer, "w")
    line = StatusLine(file, enabled=True)
    os.close(reader)

    line.say("ingest ended")
    line.show("one")

    file.close()  # with nothing left that could not be written


def test_a_full_disk_ends_nothing() -> None:
    with open("/dev/full", "w", encoding="utf-8") as file:  # noqa: PTH123 - as the shell opens it
        line = StatusLine(file, enabled=True)
        line.say("ingest ended")
        line.show("one")
        discard(file)
