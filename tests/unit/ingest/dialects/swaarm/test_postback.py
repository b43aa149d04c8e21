"""`/postback` with a click id, and what its 400 says; the rest is in test_swaarm.py."""

import pytest

from ingest.dialects.swaarm import POSTBACK, read_postback
from shared.errors import ConflictingValues, MalformedField, MissingField
from shared.events import INSTALL, Event, Kind
from tests.support.build import event, parameters, reception

CLICK_ID = "AsEyCIAAAAF60mPGIgAAABMAAAAOAAAAAA"


def read(query: str) -> Event:
    return read_postback(parameters(query), reception())


def test_a_click_id_alone_is_the_install_of_whoever_clicked() -> None:
    assert read(f"click_id={CLICK_ID}") == event(
        user_id=CLICK_ID, event_id=INSTALL, click_id=CLICK_ID
    )


def test_a_click_id_stands_for_its_user_in_any_event() -> None:
    assert read(f"click_id={CLICK_ID}&event_id=Purchase&sale_amount=5") == event(
        user_id=CLICK_ID, event_id="Purchase", click_id=CLICK_ID, sale_amount="5"
    )


def test_a_user_that_is_named_is_the_user_and_the_click_is_theirs() -> None:
    assert read(f"click_id={CLICK_ID}&user_id=u&event_id=e") == event(
        user_id="u", event_id="e", click_id=CLICK_ID
    )
    assert read(f"click_id={CLICK_ID}&user_id=u").event_id == INSTALL


def test_an_open_may_name_its_click() -> None:
    assert read(f"click_id={CLICK_ID}&event_id=__open").kind is Kind.OPEN


@pytest.mark.parametrize("query", ["", "click_id=", "user_id=&click_id=&event_id=e"])
def test_without_a_user_the_400_says_what_would_make_it_work(query: str) -> None:
    with pytest.raises(MissingField) as caught:
        read(query)

    assert caught.value.field == "user_id"
    for name in ("user_id", "event_id", "click_id"):
        assert name in caught.value.message


def test_without_an_event_a_user_needs_a_click_id_for_an_install() -> None:
    with pytest.raises(MissingField) as caught:
        read("user_id=u")

    assert caught.value.field == "event_id"
    assert "click_id" in caught.value.message


def test_an_event_numbered_by_swaarm_is_not_taken_for_an_install() -> None:
    with pytest.raises(MissingField) as caught:
        read(f"click_id={CLICK_ID}&our_event_type_id=123")

    assert caught.value.field == "event_id"
    assert "our_event_type_id" in caught.value.message
    kept = read(f"click_id={CLICK_ID}&our_event_type_id=123&event_id=e")
    assert kept.parameters == {"our_event_type_id": "123"}


@pytest.mark.parametrize("value", ["%20", "a%0Ab", "x" * 257])
def test_a_click_id_follows_the_rules_of_an_id(value: str) -> None:
    with pytest.raises(MalformedField) as caught:
        read(f"click_id={value}")

    assert caught.value.field == "click_id"


def test_device_ids_are_kept_apart_from_the_other_parameters() -> None:
    sent = read("user_id=u&event_id=e&idfa=A&gaid=B&gps_adid=&country=DE")

    assert sent.device_ids == {"idfa": "A", "gaid": "B"}
    assert sent.parameters == {"country": "DE"}


def test_the_names_that_s2sevent_has_for_address_and_browser_are_understood() -> None:
    sent = read("user_id=u&event_id=e&user_ip=203.0.113.7&user_ua=UA")

    assert (sent.ip_address, sent.user_agent) == ("203.0.113.7", "UA")
    with pytest.raises(ConflictingValues):
        read("user_id=u&event_id=e&user_ip=203.0.113.7&ip_address=203.0.113.8")


def test_the_sdk_for_the_web_spells_the_aggregated_value_shorter() -> None:
    assert read(f"click_id={CLICK_ID}&event_id=e&aggregated_value=3").aggregated_event_value == "3"


def test_no_link_lets_a_postback_in() -> None:
    assert POSTBACK.link_names is None


def test_a_postback_is_answered_with_its_receipt_and_with_nothing_when_it_is_lost() -> None:
    reading = POSTBACK.read(parameters("user_id=u&event_id=e"), reception())

    assert reading.event == event(user_id="u", event_id="e")
    assert reading.reply.status == 200
    assert reading.if_lost is None
