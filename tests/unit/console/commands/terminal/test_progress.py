import pytest

from console.commands.terminal.progress import progress_bar


@pytest.mark.parametrize("enabled", [True, False])
def test_nothing_is_drawn_where_nobody_looks_on(
    enabled: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    with progress_bar("Shop", enabled=enabled) as advance:
        advance(1, None)
        advance(2, 2)

    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", "")
