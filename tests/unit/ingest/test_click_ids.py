"""Click ids: whose they are, and that nobody makes them up."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.click_ids import ClickSeal, link_of_swaarms
from shared.events import Environment
from shared.ids import click_id_of, new_receipt, receipt_of_click_id, receipt_time_ms
from shared.snapshot import LinkKey
from tests.support.build import NOW_MS, SECRET_KEY

SEAL = ClickSeal(SECRET_KEY)
APPS = st.integers(1, 2**31)


@given(APPS, st.sampled_from(Environment), st.integers(0, 2**40))
def test_a_click_id_tells_its_app_and_environment(
    app_id: int, environment: Environment, time_ms: int
) -> None:
    receipt = SEAL.seal(new_receipt(time_ms), app_id, environment)

    click_id = click_id_of(receipt)

    assert SEAL.owner(click_id, [app_id + 1, app_id]) == (app_id, environment)
    assert (receipt.version, receipt_time_ms(receipt)) == (7, time_ms)


@given(st.text(max_size=30) | st.uuids().map(click_id_of))
def test_an_id_that_was_not_given_out_has_no_app(click_id: str) -> None:
    assert SEAL.owner(click_id, range(1, 4)) is None


@given(st.integers(0, 127))
def test_a_click_id_with_another_bit_has_no_app(bit: int) -> None:
    receipt = SEAL.seal(new_receipt(NOW_MS), 1, Environment.PRODUCTION)

    changed = click_id_of(UUID(int=receipt.int ^ 1 << bit))

    assert SEAL.owner(changed, [1]) is None


def test_a_click_id_of_another_installation_has_no_app() -> None:
    receipt = ClickSeal(b"another key of an installation!!").seal(
        new_receipt(NOW_MS), 1, Environment.PRODUCTION
    )

    assert SEAL.owner(click_id_of(receipt), [1]) is None


@given(st.uuids())
def test_a_click_id_leads_back_to_its_receipt(receipt: UUID) -> None:
    assert receipt_of_click_id(click_id_of(receipt)) == receipt


# The three click ids that Swaarm and its partners have published.
@pytest.mark.parametrize(
    ("click_id", "key"),
    [
        ("Bd8aKzsAAAF1Wj-3twABwfUAAFG0", LinkKey("115189", "20916")),
        ("AsEyCIAAAAF60mPGIgAAABMAAAAOAAAAAA", LinkKey("19", "14")),
        ("BKCw30EAAAGLYGZcsAAAcVoAAAACAAAAAAAAACcP", LinkKey("29018", "2")),
    ],
)
def test_a_click_id_of_swaarm_names_its_offer_and_publisher(click_id: str, key: LinkKey) -> None:
    assert link_of_swaarms(click_id) == key


@given(st.text(max_size=45))
def test_any_other_text_names_no_link_of_swaarm(text: str) -> None:
    found = link_of_swaarms(text)

    assert found is None or (len(text) in {28, 34, 40} and text[0] in "AB")
