"""Laws of links: a valid pair of names redirects, whatever else the request carries."""

from typing import Any
from urllib.parse import urlsplit

import pytest
from falcon.testing import Result
from hypothesis import example, given, settings
from hypothesis import strategies as st

from shared.events import Event
from shared.integration_log import UnreadReason, unread_counts
from tests.support.build import LINK, NOW_MS, TOKEN, grant, linked, snapshot
from tests.support.placeholders import placeholders
from tests.unit.ingest.harness import Running, running
from tests.unit.loop import run_in_loop

NAMES = [
    *("campaign", "pub_sub_id", "pub_click_id", "gaid", "idfa", "user_ip", "user_ua", "site", ""),
    *("token", "s2stoken", "s2s_token", "event_time", "created_at", "user_id", "click_id", "amp;x"),
    *("sale_amount", "idempotency_key", "%FF", "%00", "a%3Db", "<b>", "n" * 300),
]
RAW = [
    *("", "S%F8ren", "%00", "a", "b", "%%aff_id%%", "%ad_id%", "{gaid}", "%", "%zz", "+", "=", "é"),
    *("1.2.3.4, 5.6.7.8", TOKEN, "wrong", "x" * 3_000, "%0d%0aLocation:%20https://evil.example"),
]
parts = st.builds(
    lambda name, sign, value: f"{name}{sign}{value}",
    st.sampled_from(NAMES),
    st.sampled_from(["=", "", "=="]),
    st.sampled_from(RAW)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="&#")),
)
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "Authorization": st.sampled_from(["Bearer wrong", "Basic eDp5", "x", f"Bearer {TOKEN}"]),
        "Idempotency-Key": st.sampled_from(["undefined", "k", "{id}"]),
        "User-Agent": st.sampled_from(["", "{ua}", "Mobile Safari", "x" * 2_049]),
        "X-Forwarded-For": st.sampled_from(["unknown", "1.2.3.4:5", ""]),
    },
)
BODIES = st.sampled_from(
    [
        *((b"", ""), (b"a=%FF&a=1", "application/x-www-form-urlencoded"), (b"{", "text/json")),
        *((b"--x", "multipart/form-data; boundary=x"), (b'{"pub_sub_id":"j"}', "application/json")),
        *((b"[1]", "application/json"), (b'{"a":1,"a":2}', "")),
    ]
)
MIXED_SNAPSHOT = linked(snapshot(1, **{TOKEN: grant()}))


async def clicked(ingest: Running, path: str, query: str, **options: Any) -> Result:
    body, content_type = options.pop("body", (b"", ""))
    headers = options.pop("headers", {})
    if body:
        headers = {**headers, **({"Content-Type": content_type} if content_type else {})}
    return await ingest.conductor.simulate_request(
        "POST" if body else "GET", path, query_string=query, body=body or None, headers=headers
    )


again = st.builds(
    lambda name, value: f"{name}={value}",
    st.sampled_from(["offer_id", "pub_id", "amp;pub_id"]),
    st.sampled_from(RAW) | st.integers(0, 99).map(str),
)


@settings(max_examples=60, deadline=None)
@given(
    before=st.lists(parts, max_size=5),
    after=st.lists(parts | again, max_size=5) | st.lists(parts, min_size=70, max_size=80),
    joint=st.sampled_from(["&", "&amp;", "&&"]),
    headers=HEADERS,
    body=BODIES,
    path=st.sampled_from(["/click", "/impression"]),
)
@example(
    ["campaign=S%F8ren"], ["campaign=%00", "=x", "token=abc"], "&amp;", {}, (b"", ""), "/click"
)
@example(
    ["campaign=S%F8ren"], ["pub_sub_id=%00", "=x", "s=abc"], "&amp;", {}, (b"", ""), "/impression"
)
def test_a_link_with_a_valid_pair_of_names_is_answered_whatever_else_the_request_carries(
    before: list[str],
    after: list[str],
    joint: str,
    headers: dict[str, str],
    body: tuple[bytes, str],
    path: str,
) -> None:
    query = joint.join([*before, "offer_id=12", "pub_id=34", *after])

    async def follow() -> tuple[Result, list[Event]]:
        async with running(MIXED_SNAPSHOT) as ingest:
            answer = await clicked(ingest, path, query, headers=headers, body=body)
            return answer, ingest.stored()

    answer, stored = run_in_loop(follow())
    (click,) = stored
    if path == "/click":
        assert answer.status_code == 302, answer.content
        assert urlsplit(answer.headers["location"]).netloc == "shop.example"
    else:
        assert (answer.status_code, answer.json) == (200, {"id": click.click_id})
    assert (click.link_id, click.parameters["offer_id"], click.parameters["pub_id"]) == (
        7, "12", "34",
    )  # fmt: skip
    assert len(click.parameters) <= 65
    for text in (*click.parameters, *click.parameters.values()):
        assert "\0" not in text
        text.encode()


DAMAGED = {
    "campaign=S%F8ren": ({"campaign": "S%F8ren"}, UnreadReason.NOT_UTF8),
    "campaign=%00": ({"campaign": "%00"}, UnreadReason.NUL),
    "pub_sub_id=a&pub_sub_id=b": ({"pub_sub_id": "a", "pub_sub_id (2)": "b"}, UnreadReason.SEVERAL),
    "=x": ({"(no name)": "x"}, UnreadReason.NAME),
    "pub_sub_id=%%aff_id%%": ({"pub_sub_id": "%%aff_id%%"}, UnreadReason.MACRO),
    "token=abc": ({}, UnreadReason.TOKEN),
    "user_ip={ip}": ({"user_ip": "{ip}"}, UnreadReason.MACRO),
    "user_ip=1.2": ({"user_ip": "1.2"}, UnreadReason.UNREADABLE),
    "%FF=1": ({"%FF": "1"}, UnreadReason.NAME),
}


@pytest.mark.parametrize("path", ["/click", "/impression"])
@pytest.mark.parametrize("damage", DAMAGED)
def test_what_cannot_be_read_is_kept_in_a_readable_form_and_counted_for_the_link(
    path: str, damage: str
) -> None:
    kept, reason = DAMAGED[damage]

    async def follow() -> None:
        async with running(linked()) as ingest:
            answer = await clicked(ingest, path, f"{LINK}&{damage}&site=here")
            await ingest.parts.checks.write()

            assert answer.status_code == (302 if path == "/click" else 200)
            (click,) = ingest.stored()
            assert click.parameters == {"offer_id": "12", "pub_id": "34", "site": "here", **kept}
            counts = unread_counts(ingest.redis, 1, NOW_MS - 1)
            assert {(source.reason, source.link_id) for source in counts} == {(reason, 7)}
            assert sum(count.count for count in counts.values()) == 1

    run_in_loop(follow())


def test_of_too_many_parameters_those_that_matter_are_kept_and_the_rest_as_one() -> None:
    many = "&".join(f"p{number}=1" for number in range(500))

    async def follow() -> None:
        async with running(linked()) as ingest:
            answer = await clicked(
                ingest, "/click", f"{many}&token=secret&{LINK}&gaid=G-1&pub_sub_id=s"
            )

            assert answer.status_code == 302
            (click,) = ingest.stored()
            assert click.device_ids == {"gaid": "G-1"}
            assert click.parameters["pub_sub_id"] == "s"
            assert click.parameters["(beyond the limit)"].endswith("&p499=1")
            assert "secret" not in repr(click)

    run_in_loop(follow())


@pytest.mark.parametrize("path", ["/click", "/impression"])
@pytest.mark.parametrize(
    ("query", "kept"),
    [
        (f"{LINK}?sub=x", {"sub": "x"}),
        ("pub_id=34?sub=x&offer_id=12", {"sub": "x"}),
        (f"{LINK}%3Fsub=x&site=a?b", {"sub": "x", "site": "a?b"}),
        (f"{LINK}?sub=x?y", {"sub": "x?y"}),
        (f"{LINK}?", {}),
        ("offer_id=12&amp;pub_id=34", {}),
        ("offer_id=12&amp%3Bpub_id=34", {}),
        (f"{LINK};sub=x", {"sub": "x"}),
        (f"{LINK}#top", {"top": ""}),
        ("offer_id=12;pub_id=34", {}),
        ("offer_id=12%26pub_id=34&sub=a%26b", {"sub": "a&b"}),
        ("offer_id=12%26amp%3Bpub_id%3D34", {}),
        ("offer_id%3D12%26pub_id%3D34%26sub%3Da%2526b", {"sub": "a&b"}),
        ("offer_id=12&pub_id%3D34", {}),
        (r"offer_id=12\u0026pub_id=34", {}),
        ("OFFER_ID=12&Pub_Id=34", {}),
        ("%EF%BB%BFoffer_id=12&%20pub_id=34", {}),
        ("offer_id[]=12&pub_id[]=34", {}),
        (f"{LINK}&u=https%3A%2F%2Fx.example%2F%3Foffer_id%3D9%26pub_id%3D9",
         {"u": "https://x.example/?offer_id=9&pub_id=9"}),
    ],
)  # fmt: skip
def test_what_was_put_behind_a_link_keeps_nobody_from_the_destination(
    path: str, query: str, kept: dict[str, str]
) -> None:
    async def follow() -> None:
        async with running(linked()) as ingest:
            answer = await clicked(ingest, path, query)

            assert answer.status_code == (200 if path == "/impression" else 302), answer.text
            (click,) = ingest.stored()
            assert click.parameters == {"offer_id": "12", "pub_id": "34", **kept}

    run_in_loop(follow())


@pytest.mark.parametrize("path", ["/click", "/impression"])
@pytest.mark.parametrize(
    "left",
    ["/", ")", ").", ".", "...", ",", "%22", "%22%3E", "'", "]", "*", ";", "%5C", "%E2%80%A6",
     "%00", "%FF", "%", "%20click%20here", "%C2%A0", "%E2%80%8B"],
)  # fmt: skip
def test_what_the_text_around_an_address_left_is_no_part_of_the_links_name(
    path: str, left: str
) -> None:
    async def follow() -> None:
        async with running(linked()) as ingest:
            answer = await clicked(ingest, path, f"{LINK}{left}")

            assert answer.status_code == (200 if path == "/impression" else 302), answer.text
            (click,) = ingest.stored()
            assert click.link_id == 7

    run_in_loop(follow())


@pytest.mark.parametrize("agent", ["\U0001f389 Shop", "Zoë", "plain"])
def test_the_agent_of_a_visitor_is_read_as_utf_8(agent: str) -> None:
    async def follow() -> None:
        async with running(linked()) as ingest:
            for header in (agent.encode().decode("latin-1"), agent.encode("latin-1", "replace")):
                text = header if isinstance(header, str) else header.decode("latin-1")
                await clicked(ingest, "/click", LINK, headers={"User-Agent": text})
            first, second = ingest.stored()
            assert first.user_agent == agent
            assert second.user_agent == agent.encode("latin-1", "replace").decode("latin-1")

    run_in_loop(follow())


@settings(max_examples=30, deadline=None)
@given(name=st.sampled_from(["user_ua", "user_agent"]), text=placeholders())
def test_a_placeholder_never_displaces_the_browser_of_the_visitor(name: str, text: str) -> None:
    query = f"{LINK}&{name}=" + "".join(f"%{byte:02X}" for byte in text.encode())

    async def follow() -> Event:
        async with running(linked()) as ingest:
            await clicked(ingest, "/click", query, headers={"User-Agent": "Mobile Safari"})
            (click,) = ingest.stored()
            return click

    assert run_in_loop(follow()).user_agent == "Mobile Safari"
