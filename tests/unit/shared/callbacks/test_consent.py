"""What a user refused keeps the callback, or the ids of the device, from a partner."""

import pytest
from msgspec.structs import replace

from shared.callbacks.consent import is_consent_denied, shareable_facts
from shared.callbacks.conversion_facts import SAMPLE


@pytest.mark.parametrize(
    ("event", "click", "is_denied"),
    [
        ({}, {}, False),
        ({"eea": "1"}, {}, False),
        ({"eea": "1", "ad_user_data": "1"}, {}, False),
        ({"eea": "1", "ad_user_data": "0"}, {}, True),
        ({"eea": "true", "ad_user_data": "FALSE"}, {}, True),
        ({"ad_user_data": "0"}, {}, True),
        ({"eea": "0", "ad_user_data": "0"}, {}, False),
        ({}, {"eea": "1", "ad_user_data": "0"}, True),
        ({"eea": "1", "ad_user_data": "1"}, {"eea": "1", "ad_user_data": "0"}, False),
    ],
)
def test_a_refusal_to_share_data_withholds_the_callback(
    event: dict[str, str], click: dict[str, str], is_denied: bool
) -> None:
    assert is_consent_denied(replace(SAMPLE, parameters=event, click_parameters=click)) == is_denied


@pytest.mark.parametrize(
    ("parameters", "is_told"),
    [
        ({}, True),
        ({"att_status": "0"}, True),
        ({"att_status": "3"}, True),
        ({"att_status": "1"}, False),
        ({"att_status": "2"}, False),
        ({"att_status": "denied"}, False),
        ({"tracking_enabled": "1", "tracking_limited": "0"}, True),
        ({"tracking_enabled": "0"}, False),
        ({"tracking_limited": "1"}, False),
        ({"ad_personalization": "1"}, True),
        ({"ad_personalization": "0"}, False),
    ],
)
def test_a_device_that_is_not_to_be_tracked_is_told_without_its_ids(
    parameters: dict[str, str], is_told: bool
) -> None:
    told = shareable_facts(replace(SAMPLE, parameters=parameters))

    assert bool(told.device_ids) == is_told
    assert (told.ip_address is not None) == is_told
    assert told.click_parameters == SAMPLE.click_parameters
