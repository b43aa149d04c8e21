"""What becomes of a callback depends on the answer, and on how many attempts were made."""

from uuid import UUID

import pytest
from msgspec.structs import replace

from shared.callbacks.attempts import AttemptResult
from shared.callbacks.conversion_facts import SAMPLE, ConversionFacts
from shared.callbacks.http_connection import HttpRequest
from shared.callbacks.requests import CallbackEndpoint
from workers.deliver.attempt_results import attempt_result, withheld_reason, withheld_result
from workers.deliver.outbox_claims import Claim, DueEndpoint
from workers.deliver.retry_schedule import ATTEMPTS_MAX

REQUEST = HttpRequest("GET", "https://partner.example/cb?api_key=hunter2&id=1")


def claim(attempts: int = 1) -> Claim:
    return Claim(UUID(int=1), 7, attempts, SAMPLE)


def sent(**parameters: str) -> ConversionFacts:
    return replace(SAMPLE, parameters=parameters)


@pytest.mark.parametrize(
    ("result", "attempts", "state", "reason", "due_seconds", "is_failure"),
    [
        (AttemptResult("delivered", True, status=200), 1, "delivered", None, None, False),
        (AttemptResult("status 500", status=500), 1, "waiting", "status 500", 5.0, True),
        (AttemptResult("status 500", status=500), 2, "waiting", "status 500", 300.0, True),
        (AttemptResult("status 500", status=500), ATTEMPTS_MAX, "failed", "status 500", None, True),
        (AttemptResult("status 429", status=429, retry_after="60"), 1, "waiting", "status 429",
         60.0, True),
        (AttemptResult("no answer"), 1, "waiting", "no answer", 5.0, True),
        (AttemptResult("status 404", is_final=True, status=404), 1, "failed", "status 404", None,
         False),
        (AttemptResult("status 302", is_final=True, status=302), 1, "failed", "status 302", None,
         True),
        (AttemptResult("refused", is_final=True), 1, "failed", "refused", None, True),
        (AttemptResult("status 410", is_final=True, status=410), 1, "waiting", "gone", 0.0, False),
    ],
)  # fmt: skip
def test_each_answer_leads_to_a_state(
    result: AttemptResult,
    attempts: int,
    state: str,
    reason: str | None,
    due_seconds: float | None,
    is_failure: bool,
) -> None:
    written = attempt_result(claim(attempts), REQUEST, result, 1_000, 1_250, lambda: 1.0)

    assert (written.state, written.reason, written.due_seconds) == (state, reason, due_seconds)
    assert (written.number, written.took_ms, written.is_failure) == (attempts, 250, is_failure)
    assert written.request == "GET https://partner.example/cb?api_key=***&id=1"


@pytest.mark.parametrize(
    ("facts", "is_partners", "url", "reason"),
    [
        (SAMPLE, True, "https://a.example", None),
        (SAMPLE, True, "", "no_url"),
        (None, True, "https://a.example", "erased"),
        (sent(eea="1", ad_user_data="0"), True, "https://a.example", "no_consent"),
        (sent(eea="1", ad_user_data="0"), False, "https://a.example", None),
        (sent(eea="1", ad_user_data="1"), True, "https://a.example", None),
        (sent(eea="0", ad_user_data="0"), True, "https://a.example", None),
    ],
)
def test_what_nothing_may_be_sent_for_is_withheld_with_its_reason(
    facts: ConversionFacts | None, is_partners: bool, url: str, reason: str | None
) -> None:
    target = CallbackEndpoint(7, "GET", url, is_partners=is_partners)
    endpoint = DueEndpoint(7, target, (), False, None, 8, None, 0, False)

    assert withheld_reason(claim()._replace(facts=facts), endpoint, url) == reason


@pytest.mark.parametrize(
    ("payout", "reason"),
    [(None, "no_payout"), ("0", "no_payout"), ("0.000001", None), ("1.2", None)],
)
def test_an_endpoint_that_wants_payouts_hears_of_nothing_else(
    payout: str | None, reason: str | None
) -> None:
    url = "https://a.example"
    target = CallbackEndpoint(7, "GET", url, is_partners=True)
    facts = replace(SAMPLE, payout=payout)
    claimed = claim()._replace(facts=facts)
    picky, other = (
        DueEndpoint(7, target, (), False, None, 8, None, 0, payout_only=only)
        for only in (True, False)
    )

    assert withheld_reason(claimed, picky, url) == reason
    assert withheld_reason(claimed, other, url) is None


def test_what_is_not_shared_is_withheld_before_consent_is_asked() -> None:
    target = CallbackEndpoint(7, "GET", "", is_partners=True)
    endpoint = DueEndpoint(7, target, (), False, None, 8, None, 0, False)
    unshared = claim()._replace(facts=sent(ad_user_data="0"), is_unshared=True)

    assert withheld_reason(unshared, endpoint, "https://a.example") == "sharing_disabled"


@pytest.mark.parametrize(
    "reason", ["no_url", "no_payout", "erased", "no_consent", "sharing_disabled"]
)
def test_what_is_withheld_is_written_without_a_request(reason: str) -> None:
    written = withheld_result(claim(), reason, 1_000)

    assert (written.state, written.reason, written.request) == ("withheld", reason, "")
