"""The advice for a request: one sentence for each problem, none for a valid request."""

from typing import Any

import pytest

from console.security.check_advice import TIME_FIELDS, find_problems
from shared.events import BUILT_IN
from shared.scopes import Scope
from shared.tokens import TokenFault
from tests.support.build import check_entry


def problems(token: str | None = "backend", /, **changes: Any) -> list[str]:
    return list(find_problems(check_entry(**changes), token, {"g3mfiw"}))


def test_nothing_is_to_be_mended_about_a_good_request() -> None:
    assert problems() == []


@pytest.mark.parametrize("fault", TokenFault)
@pytest.mark.parametrize("enforced", [True, False])
def test_every_fault_of_a_token_is_one_problem_whether_it_is_enforced_or_not(
    fault: TokenFault, enforced: bool
) -> None:
    refused = {"status": 401, "code": "unauthorized", "event_id": "", "receipt": None}

    (problem,) = problems(fault=fault, enforced=enforced, **(refused if enforced else {}))

    assert problem.startswith("/event has ")


def test_a_token_with_a_fault_is_named_where_it_is_known() -> None:
    (problem,) = problems(fault=TokenFault.SCOPE, scope=Scope.SESSIONS)
    assert "the token backend, which lacks the scope sessions" in problem

    (problem,) = problems(None, fault=TokenFault.EXPIRED)
    assert "has a token, which has expired" in problem


def test_what_is_highly_encouraged_and_missing_is_named() -> None:
    one, other = problems(missing=("ip_address", "user_agent"))

    assert "without ip_address" in one
    assert "without user_agent" in other


def test_an_event_id_without_an_event_type_is_named() -> None:
    (problem,) = problems(event_id="signup")

    assert "the event ID signup, which has no event type" in problem


@pytest.mark.parametrize("event_id", ["", *sorted(BUILT_IN)])
def test_built_in_events_and_clicks_need_no_event_type(event_id: str) -> None:
    assert problems(event_id=event_id) == []


@pytest.mark.parametrize("field", sorted(TIME_FIELDS))
def test_a_time_out_of_range_is_told_with_the_range(field: str) -> None:
    (problem,) = problems(status=400, code="malformed_field", field=field, event_id="")

    assert field in problem
    assert "58 days back and 1 day ahead" in problem


def test_an_event_token_of_no_event_type_is_told() -> None:
    (problem,) = problems(status=400, code="malformed_field", field="event_token", event_id="")

    assert "Compare it with the app's event types" in problem


@pytest.mark.parametrize("field", [None, "revenue"])
def test_any_other_refusal_is_told_with_its_code_and_field(field: str | None) -> None:
    (problem,) = problems(status=400, code="malformed_field", field=field, event_id="")

    assert "malformed_field" in problem
    assert ("for revenue" in problem) is (field is not None)


def test_a_token_and_a_field_that_are_both_wrong_are_two_problems() -> None:
    told = problems(fault=TokenFault.MISSING, status=400, code="missing_field", field="currency")

    assert len(told) == 2


def test_what_the_sender_only_has_to_send_again_is_no_problem() -> None:
    assert problems(status=503, code="overloaded", event_id="") == []
