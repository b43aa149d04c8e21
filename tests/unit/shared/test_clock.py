import time

from shared.clock import now_ms


def test_the_clock_counts_whole_milliseconds_of_unix_time() -> None:
    before, read, after = time.time(), now_ms(), time.time()

    assert isinstance(read, int)
    assert int(before * 1000) <= read <= after * 1000
