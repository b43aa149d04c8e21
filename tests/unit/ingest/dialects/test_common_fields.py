"""Device ids are stored by kind, as sent."""

import pytest

from ingest.dialects.common_fields import take_device_ids
from shared.device_ids import DEVICE_IDS
from shared.errors import MalformedField
from tests.support.build import parameters


@pytest.mark.parametrize("kind", sorted(DEVICE_IDS))
def test_each_kind_is_taken_from_the_parameters(kind: str) -> None:
    sent = parameters(f"{kind}=AB-12&other=x")

    assert take_device_ids(sent) == {kind: "AB-12"}
    assert sent.rest() == {"other": "x"}


def test_several_are_taken_in_one_order_whatever_order_they_came_in() -> None:
    assert list(take_device_ids(parameters("idfv=b&gaid=c&idfa=a"))) == ["gaid", "idfa", "idfv"]


def test_an_empty_one_was_not_sent_and_junk_is_kept_for_attribution_to_judge() -> None:
    sent = parameters("idfa=&gaid=00000000-0000-0000-0000-000000000000&idfv=undefined")

    assert take_device_ids(sent) == {
        "gaid": "00000000-0000-0000-0000-000000000000",
        "idfv": "undefined",
    }
    assert sent.rest() == {}


@pytest.mark.parametrize("value", ["a%0Ab", "x" * 257])
def test_a_malformed_one_is_refused_by_name_or_left_where_it_was(value: str) -> None:
    with pytest.raises(MalformedField) as caught:
        take_device_ids(parameters(f"gaid={value}"))
    assert caught.value.field == "gaid"

    sent = parameters(f"gaid={value}&idfa=a")
    assert take_device_ids(sent, forgiving=True) == {"idfa": "a"}
    assert list(sent.rest()) == ["gaid"]
