"""Declares the calls that `waybill demo` sends, as Swaarm's page prints them, and their results.

Source: Swaarm, "MMP: Server to server (S2S) integration". The sender changes the host name;
everything behind it is the page's byte for byte, such as `sale_amout` and the second `event_id`,
with values where it says INSERT. The partner's link and the postback that names a click come from
Swaarm's pages on links and on testing them.
"""

from dataclasses import dataclass

APP = "Demo"
TOKEN_NAME = "Swaarm's page"  # noqa: S105 - a name
TOKEN = "s2sTokenForTheStoreApp"  # noqa: S105 - the page's token
EVENT_TYPES = (
    ("register", "Registration"),
    ("registration", "Sign-up"),
    ("purchase", "Purchase"),
)
USER = "0000-AAAA-BBBB-CCCC"
VISITOR = "1111-AAAA-BBBB-CCCC"
CLICK_ID = "AsEyCIAAAAF60mPGIgAAABMAAAAOAAAAAA"
PARTNER, LINK = "Partner", "Spring"
DESTINATION = "https://shop.example/welcome?from={pub_click_id}"

_HEADER = (("Authorization", TOKEN),)


@dataclass(frozen=True)
class ExpectedRow:
    """The columns that matter of the row that a call results in. `sale_amount` is a decimal string.

    A click has no user and no event ID.
    """

    user_id: str
    event_id: str
    sale_amount: str | None = None


@dataclass(frozen=True)
class DemoCall:
    """A request and its documented answer. `row` is None when nothing may be stored."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    status: int
    row: ExpectedRow | None


_CLICK = ExpectedRow("", "")
_DEVICE = "user_ip=203.0.113.7&user_ua=Mozilla/5.0%20(iPhone;%20CPU%20iPhone%20OS%2017_4)"
_VISITOR_QUERY = f"token={TOKEN}&user_id={VISITOR}&event_id=&{_DEVICE}"

CALLS = (
    DemoCall(
        "GET",
        f"/postback?s2s_token={TOKEN}&user_id={USER}&event_id=register",
        (),
        200,
        ExpectedRow(USER, "register"),
    ),
    DemoCall(
        "POST",
        f"/postback?user_id={USER}&event_id=purchase&sale_amout=42",
        _HEADER,
        200,
        ExpectedRow(USER, "purchase", "42"),
    ),
    DemoCall(
        "GET",
        f"/postback?user_id={USER}&event_id=register",
        _HEADER,
        200,
        ExpectedRow(USER, "register"),
    ),
    DemoCall("GET", f"/click?offer_id=1&pub_id=1&pub_click_id=a81ad38&{_DEVICE}", (), 302, _CLICK),
    DemoCall("GET", f"/s2sevent?{_VISITOR_QUERY}", (), 200, ExpectedRow(VISITOR, "__install")),
    DemoCall(
        "GET",
        f"/s2sevent?event_id=registration&{_VISITOR_QUERY}",
        (),
        200,
        ExpectedRow(VISITOR, "registration"),
    ),
    DemoCall(
        "GET",
        f"/s2sevent?event_id=__open&{_VISITOR_QUERY}",
        (),
        200,
        ExpectedRow(VISITOR, "__open"),
    ),
    DemoCall("GET", f"/click?no_redirect=true&{_DEVICE}&s2stoken={TOKEN}", (), 200, _CLICK),
    DemoCall(
        "GET",
        f"/postback?s2s_token={TOKEN}&click_id={CLICK_ID}",
        (),
        200,
        ExpectedRow(CLICK_ID, "__install"),
    ),
    DemoCall("GET", f"/postback?s2s_token={TOKEN}", (), 400, None),
    DemoCall("GET", f"/postback?s2s_token=wrong&user_id={USER}&event_id=register", (), 401, None),
    DemoCall("GET", f"/postbak?s2s_token={TOKEN}&user_id={USER}&event_id=register", (), 404, None),
)
