"""Ids of people: compared in one form, digested under a key, for one app."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.device_ids import adid_of
from shared.errors import BadValue
from shared.events import Kind
from shared.privacy.identities import (
    DIGEST_BYTES,
    IdKind,
    PersonId,
    id_digest,
    ids_of_event,
    person_id,
)
from tests.support.build import event

DEVICE = "38400000-8cf0-11bd-b23e-10b96e40000d"
RECEIPT = "019a2f00-1c80-7d6e-9a3b-5f0c2d4e6b81"


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (IdKind.USER, " 4711 ", "4711"),
        (IdKind.USER, DEVICE.upper(), DEVICE),
        (IdKind.USER, "\u200b4711\ufeff", "4711"),
        (IdKind.USER, "\u0646\u200c\u0634", "\u0646\u200c\u0634"),
        (IdKind.DEVICE, f"{DEVICE}\u200b", DEVICE),
        (IdKind.DEVICE, DEVICE.upper(), DEVICE),
        (IdKind.CLICK, "Abc", "Abc"),
        (IdKind.EVENT, RECEIPT.upper(), RECEIPT),
    ],
)
def test_an_id_that_was_typed_is_read_in_the_form_in_which_it_is_compared(
    kind: IdKind, text: str, value: str
) -> None:
    assert person_id(kind, text) == PersonId(kind, value)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (IdKind.USER, " "),
        (IdKind.USER, "x" * 257),
        (IdKind.USER, "a\x00b"),
        (IdKind.USER, "a\udc80"),
        (IdKind.USER, "\u200b"),
        (IdKind.DEVICE, "00000000-0000-0000-0000-000000000000"),
        (IdKind.EVENT, "no receipt"),
    ],
)
def test_an_id_that_leads_to_nobody_or_everybody_is_refused(kind: IdKind, text: str) -> None:
    with pytest.raises(BadValue):
        person_id(kind, text)


def test_an_event_leads_to_its_user_their_adid_devices_click_and_key() -> None:
    sent = event(
        user_id="4711",
        device_ids={"gaid": DEVICE.upper(), "idfa": "undefined"},
        click_id="click",
        idempotency_key="order 1",
    )

    assert ids_of_event(sent) == {
        PersonId(IdKind.USER, "4711"),
        PersonId(IdKind.CLICK, "4711"),
        PersonId(IdKind.DEVICE, adid_of(sent.app_id, "4711")),
        PersonId(IdKind.DEVICE, DEVICE),
        PersonId(IdKind.CLICK, "click"),
        PersonId(IdKind.KEY, "order 1"),
    }


def test_a_click_leads_to_no_user() -> None:
    sent = event(kind=Kind.CLICK, user_id="", event_id="", click_id="click", device_ids={})

    assert ids_of_event(sent) == {PersonId(IdKind.CLICK, "click")}


@given(
    st.tuples(st.binary(min_size=32, max_size=32), st.integers(1, 9), st.sampled_from(IdKind)),
    st.tuples(st.binary(min_size=32, max_size=32), st.integers(1, 9), st.sampled_from(IdKind)),
)
def test_a_digest_is_the_same_only_for_the_same_key_app_and_kind(
    first: tuple[bytes, int, IdKind], second: tuple[bytes, int, IdKind]
) -> None:
    digests = [id_digest(key, app, PersonId(kind, "4711")) for key, app, kind in (first, second)]

    assert (digests[0] == digests[1]) == (first == second)
    assert {len(digest) for digest in digests} == {DIGEST_BYTES}
