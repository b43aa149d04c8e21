import os
import signal
from pathlib import Path

import pytest

from console.commands.terminal.launch import STOP_SIGNALS, resize_signals, until_stopped
from console.main import run_command


@pytest.mark.parametrize("number", STOP_SIGNALS)
def test_a_signal_ends_what_runs_and_a_second_one_does_not_break_the_stop(
    number: signal.Signals,
) -> None:
    reached: list[str] = []
    before = signal.signal(number, signal.default_int_handler)  # a caller may ignore SIGINT
    try:
        with until_stopped():
            try:
                os.kill(os.getpid(), number)
                reached.append("what follows")
            finally:
                os.kill(os.getpid(), number)
                reached.append("the stop")
        assert signal.getsignal(number) is signal.default_int_handler
    finally:
        signal.signal(number, before)

    assert reached == ["the stop"]


def test_a_signal_that_the_caller_ignores_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with until_stopped():
            os.kill(os.getpid(), signal.SIGHUP)
            reached = True
    finally:
        signal.signal(signal.SIGHUP, before)

    assert reached


def test_steps_are_counted_until_they_are_taken() -> None:
    before = signal.getsignal(signal.SIGTTIN)
    with resize_signals() as steps:
        for number in (signal.SIGTTIN, signal.SIGTTIN, signal.SIGTTIN, signal.SIGTTOU):
            os.kill(os.getpid(), number)
        assert steps.take() == 2
        assert steps.take() == 0

    assert signal.getsignal(signal.SIGTTIN) is before


def test_faults_of_settings_are_told_before_anything_is_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "data"
    variables = {"WAYBILL_DURABILITY": "maybe", "WAYBILL_BATCH_EVENTS_MAX": "0", "REDIS_URL": ""}

    assert run_command(["--data", str(data), "up"], variables) == 1

    errors = capsys.readouterr().err
    assert "  WAYBILL_DURABILITY must be strict or relaxed" in errors
    assert "  WAYBILL_BATCH_EVENTS_MAX must be" in errors
    assert "_URL" not in errors
    assert not data.exists()
