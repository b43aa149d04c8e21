"""Writes the answers that Swaarm's SDKs read."""

from ingest.dialects.dialect import Reply
from ingest.dialects.sdk_replies import json_reply
from shared.sdk.known_attributions import KnownAttribution

# No view of an app is a breakpoint, and no device may send pictures of its screen.
NO_BREAKPOINTS = json_reply({"viewBreakpoints": []})
NO_COLLECTORS = json_reply([])
ACCEPTED = json_reply({"status": "ok"})

_DECIDED = "PASSED"


def attribution_data(user_id: str, known: KnownAttribution | None) -> Reply:
    """Answers the question for a user's attribution; every value in it is a text, as iOS wants.

    Without a decision the SDKs ask again. An organic user has one, and nothing else.
    """
    if known is None:
        return json_reply({"decision": None})
    if not known.network:
        return json_reply({"decision": _DECIDED})
    return json_reply(
        {
            "offer": {
                "id": known.offer_id,
                "name": known.campaign,
                "campaignId": known.offer_id,
                "campaignName": known.campaign,
            },
            "publisher": {
                "id": known.pub_id,
                "name": known.network,
                "subId": known.sub_id,
                "site": known.site,
            },
            "ids": {"installId": user_id, "clickId": known.click_id, "userId": user_id},
            "decision": _DECIDED,
            "googleInstallReferrer": None,
        }
    )
