"""A drain calls for a courier, and becomes one where no other worker does."""

from dataclasses import dataclass, field

from shared.redis import RedisError
from workers.deliver.delivery_call import LOOK_SECONDS, DeliveryCall


@dataclass
class Calls:
    """What was asked and done, at a time that the test sets."""

    is_needed: bool = True
    is_away: bool = False
    now: float = 100.0
    done: list[str] = field(default_factory=list)

    def need(self) -> bool:
        self.done.append("look")
        if self.is_away:
            raise RedisError
        return self.is_needed

    def made(self) -> DeliveryCall:
        return DeliveryCall(
            self.need,
            lambda: self.done.append("enqueue"),
            lambda: self.done.append("deliver"),
            lambda: self.now,
        )

    def after(self, call: DeliveryCall, seconds: float = LOOK_SECONDS) -> list[str]:
        self.now += seconds
        self.done.clear()
        call()
        return list(self.done)


def test_an_idle_worker_is_asked_first_and_then_the_drains_own() -> None:
    calls = Calls()
    call = calls.made()

    assert calls.after(call) == ["look", "enqueue"]
    assert calls.after(call) == ["look", "deliver"]


def test_it_looks_a_few_times_a_second_and_no_more() -> None:
    calls = Calls(is_needed=False)
    call = calls.made()
    calls.after(call)

    assert calls.after(call, LOOK_SECONDS / 2) == []
    assert calls.after(call, LOOK_SECONDS / 2) == ["look"]


def test_once_somebody_delivers_the_next_time_begins_anew() -> None:
    calls = Calls()
    call = calls.made()
    calls.after(call)
    calls.is_needed = False
    assert calls.after(call) == ["look"]

    calls.is_needed = True

    assert calls.after(call) == ["look", "enqueue"]


def test_a_store_that_is_away_ends_no_drain() -> None:
    calls = Calls(is_away=True)

    assert calls.after(calls.made()) == ["look"]
