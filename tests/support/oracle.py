"""Computes attributions and sessions of a history in the slow, obvious way.

The product's decisions are compared with this. It shares no code with them: it sorts everything,
looks at every click for every decision, and keeps no state between two users. Read it beside the
design, not beside the product.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from ipaddress import ip_address, ip_network

Device = tuple[str, str, str, bool]  # family, system, version, whether it is a bot
Origin = tuple[str, str]  # ("link", its id) or ("source", its name)
Identity = tuple[frozenset[str], frozenset[str]]  # usable device ids, click ids
Trace = tuple[str, ...]  # what two facts may share: (device id,)
Proof = dict[Trace, frozenset[str]]  # with the clicks that lent a trace; none: it is the user's own
Sight = tuple[str, Device, frozenset[str]]  # address, device, and who lent it; none: the user's own

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS

NOBODYS_NETWORKS = (
    "0.0.0.0/32",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "::/128",
    "::1/128",
    "fc00::/7",
    "fe80::/10",
)


@dataclass(frozen=True, kw_only=True)
class Click:
    """A click. `app` stands for an app in one environment; facts of different apps never
    interact."""

    app: str
    id: str
    time_ms: int
    origin: Origin | None = None
    device_ids: tuple[str, ...] = ()
    address: str | None = None
    device: Device | None = None
    is_view: bool = False


@dataclass(frozen=True, kw_only=True)
class Call:
    """A call about a user: an open, or any other event."""

    app: str
    user: str
    receipt: str
    time_ms: int
    is_open: bool = False
    click_id: str | None = None
    device_ids: tuple[str, ...] = ()
    address: str | None = None
    device: Device | None = None


Found = tuple[str, Click, frozenset[str]]  # rule, click, lenders
Taken = tuple[str, str, int, str]  # app, click, when it was credited, and to which user


@dataclass(frozen=True, kw_only=True)
class Rules:
    """The rules of an app, in milliseconds; the defaults are the design's."""

    deterministic_ms: int = 7 * DAY_MS
    probabilistic_ms: int = 6 * HOUR_MS
    reattribution_ms: int = 7 * DAY_MS
    inactivity_ms: int = 7 * DAY_MS
    timeout_ms: int = 30 * MINUTE_MS
    devices_max: int = 3
    users_max: int = 100
    view_device_ms: int = 24 * HOUR_MS
    view_address_ms: int = 6 * HOUR_MS
    click_users_max: int = 0


@dataclass(frozen=True)
class Attribution:
    """An attribution. `through` are the clicks that may have lent the evidence; it is empty when
    the user's own was enough."""

    time_ms: int
    receipt: str
    rule: str
    click_id: str | None
    origin: Origin | None
    is_reattribution: bool
    through: frozenset[str] = frozenset()


@dataclass
class Session:
    start_ms: int
    start_receipt: str
    last_activity_ms: int
    opens: int = 1
    events: int = 0


@dataclass(frozen=True)
class Timeline:
    """Everything that is decided about one user."""

    device_ids: frozenset[str]
    click_ids: frozenset[str]
    attributions: tuple[Attribution, ...]
    sessions: tuple[Session, ...]
    active_days: tuple[date, ...]


def timeline(
    calls: Iterable[Call],
    clicks: Iterable[Click],
    rules: Rules,
    elsewhere: Iterable[Call] = (),
    others: Iterable[Call] = (),
    taken: Iterable[Taken] = (),
) -> Timeline:
    """Decides everything about one user. `calls` are theirs; `elsewhere` are calls of theirs that
    only identify them; `others` are calls of other users. `taken` is who was credited with what,
    which matters where clicks are used up."""
    ordered = sorted({call.receipt: call for call in calls}.values(), key=_moment)
    all_calls = [*ordered, *elsewhere]
    device_ids = frozenset(usable for call in all_calls for usable in _usable(call.device_ids))
    click_ids = frozenset(name for call in all_calls for name in (call.user, call.click_id) if name)
    clicks = list(clicks)
    wide_devices, wide_clicks = wide_ids([*all_calls, *others], clicks, rules.users_max)
    sessions = _sessions(ordered, rules.timeout_ms)
    attributions: tuple[Attribution, ...] = ()
    if ordered:
        app = ordered[0].app
        own_clicks = [
            replace(click, device_ids=tuple(_narrow(click.device_ids, app, wide_devices)))
            for click in clicks
            if click.app == app
        ]
        newcomers = newcomers_before(ordered, others, rules.probabilistic_ms)
        identity = (
            frozenset(_narrow(device_ids, app, wide_devices)),
            frozenset(name for name in click_ids if (app, name) not in wide_clicks),
        )
        gone = [
            (click_id, (time_ms, user))
            for place, click_id, time_ms, user in taken
            if (place, user != ordered[0].user) == (app, True)
        ]
        case = (own_clicks, identity, rules, newcomers, gone if rules.click_users_max else [])
        attributions = _attributions(ordered, sessions, case)
    days = sorted({day for session in sessions for day in _days(session)})
    return Timeline(device_ids, click_ids, attributions, sessions, tuple(days))


def timelines(
    calls: Iterable[Call], clicks: Iterable[Click], rules: Rules
) -> dict[tuple[str, str], Timeline]:
    """Decides everything about everybody, by app and user. Where clicks are used up, over and over
    until nobody's changes: the earliest decision is right after the first time, and each time at
    least one more."""
    calls, clicks = list(calls), list(clicks)
    users = sorted({(call.app, call.user) for call in calls})
    taken: set[Taken] = set()
    while True:
        decided = {
            (app, user): timeline(
                [call for call in calls if (call.app, call.user) == (app, user)],
                clicks,
                rules,
                others=calls,
                taken=taken,
            )
            for app, user in users
        }
        credited = {
            (app, it.click_id, it.time_ms, user)
            for (app, user), each in decided.items()
            for it in each.attributions
            if it.click_id is not None
        }
        if credited == taken or not rules.click_users_max:
            return decided
        taken = credited


def wide_ids(
    calls: Iterable[Call], clicks: Iterable[Click], users_max: int
) -> tuple[set[Trace], set[Trace]]:
    """Device ids and click ids, each with its app, that more users name than that, or that as many
    clicks without a source carry; impressions lend nothing. Whoever is called like a click does not
    name it by that."""
    namers: dict[tuple[str, ...], set[str]] = {}
    for call in calls:
        for device_id in _usable(call.device_ids):
            namers.setdefault(("device", call.app, device_id), set()).add(call.user)
        if call.click_id and call.click_id != call.user:
            namers.setdefault(("click", call.app, call.click_id), set()).add(call.user)
    lenders: dict[tuple[str, ...], set[str]] = {}
    for click in clicks:
        lends = click.origin is None and not click.is_view
        for device_id in _usable(click.device_ids) if lends else ():
            lenders.setdefault(("device", click.app, device_id), set()).add(click.id)
    wide = {key for known in (namers, lenders) for key, by in known.items() if len(by) > users_max}
    return {key[1:] for key in wide if key[0] == "device"}, {
        key[1:] for key in wide if key[0] == "click"
    }


def _narrow(device_ids: Iterable[str], app: str, wide: set[Trace]) -> list[str]:
    return [each for each in _usable(device_ids) if (app, each) not in wide]


def public(address: str | None) -> str | None:
    """Returns the address in one spelling, None when it says nothing about a user's location."""
    if address is None:
        return None
    parsed = ip_address(address)
    for network in NOBODYS_NETWORKS:
        if parsed in ip_network(network):
            return None
    return str(parsed)


def _moment(call: Call) -> tuple[object, ...]:
    """By time, then by content: opens, what tells more, what it tells; at last by the name."""
    address = public(call.address)
    device = call.device or ("", "", "", False)
    device_ids = sorted(set(_usable(call.device_ids)))
    told_less = (not call.is_open, address is None, device[1] == "", device_ids == [])
    named = sorted({name for name in (call.user, call.click_id) if name})
    content = (named, device_ids, address or "", device)
    return (call.time_ms, told_less, content, call.receipt)


def _usable(device_ids: Iterable[str]) -> list[str]:
    return [
        text
        for text in (device_id.strip().lower() for device_id in device_ids)
        if not _is_junk(text)
    ]


def _is_junk(text: str) -> bool:
    zeroed = all(character in "0-" for character in text)
    macro = text[:1] in ("{", "#", "$", "%", "[", "<")
    return zeroed or macro or text in ("undefined", "null", "none", "unknown")


def _sessions(ordered: list[Call], timeout_ms: int) -> tuple[Session, ...]:
    sessions: list[Session] = []
    for call in ordered:
        running = bool(sessions) and call.time_ms - sessions[-1].last_activity_ms < timeout_ms
        if running:
            sessions[-1].last_activity_ms = call.time_ms
            sessions[-1].opens += call.is_open
            sessions[-1].events += not call.is_open
        elif call.is_open:
            sessions.append(Session(call.time_ms, call.receipt, call.time_ms))
    return tuple(sessions)


def _days(session: Session) -> list[date]:
    day = datetime.fromtimestamp(session.start_ms // 1000, UTC).date()
    last = datetime.fromtimestamp(session.last_activity_ms // 1000, UTC).date()
    days = []
    while day <= last:
        days.append(day)
        day += timedelta(days=1)
    return days


Gone = list[tuple[str, tuple[int, str]]]  # clicks that others were credited with, and when
Case = tuple[list[Click], Identity, Rules, dict[str, int], Gone]


def _free(clicks: list[Click], at: Call, gone: Gone) -> list[Click]:
    """Those that nobody was credited with before; of one millisecond, the smaller name is first."""
    now = (at.time_ms, at.user)
    used = {click_id for click_id, when in gone if when < now}
    return [click for click in clicks if click.id not in used]


def newcomers_before(
    calls: Iterable[Call], others: Iterable[Call], window_ms: int
) -> dict[str, int]:
    """By address, how many others came there for the first time, at most `window_ms` before this
    user did.
    """
    calls = list(calls)
    came_ms = min(call.time_ms for call in calls)
    first_ms: dict[str, int] = {}
    others = [call for call in others if call.app == calls[0].app and call.user != calls[0].user]
    for call in others:
        first_ms[call.user] = min(call.time_ms, first_ms.get(call.user, call.time_ms))
    seen = {
        (public(call.address), call.user)
        for call in others
        if call.time_ms == first_ms[call.user] and 0 <= came_ms - call.time_ms <= window_ms
    }
    addresses = [address for address, _ in seen if address]
    return {address: addresses.count(address) for address in addresses}


def _attributions(
    ordered: list[Call], sessions: tuple[Session, ...], case: Case
) -> tuple[Attribution, ...]:
    clicks, identity, rules, _, gone = case
    decided = [_first_attribution(ordered, case)]
    for session in sessions:
        earlier_ms = [call.time_ms for call in ordered if call.time_ms < session.start_ms]
        away_ms = session.start_ms - max(earlier_ms, default=session.start_ms)
        if away_ms >= max(rules.inactivity_ms, rules.timeout_ms):
            (start,) = (call for call in ordered if call.receipt == session.start_receipt)
            free = _free(clicks, start, gone)
            again = _reattribution(session, decided[-1], clicks, free, identity, rules)
            decided += [again] if again else []
    return tuple(decided)


def _first_attribution(ordered: list[Call], case: Case) -> Attribution:
    all_clicks, identity, rules, newcomers, gone = case
    clicks = [click for click in all_clicks if not click.is_view]
    first = ordered[0]
    free = _free(all_clicks, first, gone)
    views = [click for click in free if click.is_view and click.origin]
    at_once = [call for call in ordered if call.time_ms == first.time_ms]
    located = next((call for call in at_once if public(call.address)), first)
    proof = _proof(first.time_ms, clicks, identity, rules.deterministic_ms)
    sights = _sights(located, clicks, identity, rules)
    credited = [click for click in clicks if click.origin]
    recent = [click for click in credited if _within(click, first.time_ms, rules.deterministic_ms)]
    very_recent = [
        click for click in credited if _within(click, first.time_ms, rules.probabilistic_ms)
    ]
    uncrowded = _uncrowded(very_recent, sights, newcomers, rules)
    match = (
        _by_click_id([click for click in recent if click in free], identity)
        or _by_device_id([click for click in recent if click in free], proof)
        or _by_device_like_it([click for click in very_recent if click in free], sights)
        or _by_sight([click for click in very_recent if click in free], uncrowded, "open")
        or _by_view(
            views,
            first.time_ms,
            proof,
            sights,
            uncrowded,
            rules,
        )
    )
    if match is None:
        return Attribution(first.time_ms, first.receipt, "organic", None, None, False)
    rule, click, through = match
    return Attribution(first.time_ms, first.receipt, rule, click.id, click.origin, False, through)


def _reattribution(
    session: Session,
    standing: Attribution,
    clicks: list[Click],
    free: list[Click],
    identity: Identity,
    rules: Rules,
) -> Attribution | None:
    clicked = [click for click in clicks if not click.is_view]
    proof = _proof(session.start_ms, clicked, identity, rules.reattribution_ms)
    eligible = [
        click
        for click in free
        if click.origin
        and not click.is_view
        and click.time_ms >= standing.time_ms
        and _within(click, session.start_ms, rules.reattribution_ms)
    ]
    match = _by_click_id(eligible, identity) or _by_device_id(eligible, proof)
    if match is None or match[1].origin == standing.origin:
        return None
    rule, click, through = match
    start = (session.start_ms, session.start_receipt)
    return Attribution(*start, rule, click.id, click.origin, True, through)


def _within(click: Click, moment_ms: int, window_ms: int) -> bool:
    return 0 <= moment_ms - click.time_ms <= window_ms


def _proof(moment_ms: int, clicks: list[Click], identity: Identity, window_ms: int) -> Proof:
    """Returns the user's device ids, and the evidence that their clicks lend at that moment."""
    device_ids, click_ids = identity
    proof: Proof = {}
    for click in clicks:
        lends = click.origin is None and click.id in click_ids
        if lends and _within(click, moment_ms, window_ms):
            for trace in _device_traces(click):
                proof[trace] = proof.get(trace, frozenset()) | {click.id}
    for device_id in device_ids:
        proof[(device_id,)] = frozenset()
    return proof


def _device_traces(seen: Call | Click) -> list[Trace]:
    return [(device_id,) for device_id in _usable(seen.device_ids)]


def _sights(first: Call, clicks: list[Click], identity: Identity, rules: Rules) -> list[Sight]:
    """Where the user is, and on which device, as they or a click that lends tells."""
    seen: list[tuple[Call | Click, frozenset[str]]] = [(first, frozenset())]
    for click in clicks:
        lends = click.origin is None and click.id in identity[1]
        if lends and _within(click, first.time_ms, rules.deterministic_ms):
            seen.append((click, frozenset({click.id})))
    return [(*sight, lenders) for fact, lenders in seen for sight in _sightings(fact)]


def _sightings(seen: Call | Click) -> list[tuple[str, Device]]:
    address = public(seen.address)
    if address is None or seen.device is None or seen.device[3] or not seen.device[1]:
        return []
    return [(address, seen.device)]


@cache
def alike(one: Device, other: Device) -> str:
    """ "same", "open" (nobody can tell) or "" for two devices that are different."""
    names = {one[1], other[1]}
    model, version = _same_model(one[0], other[0]), _same_version(one[2], other[2])
    if names == {"iOS", "Mac OS X"}:
        ipad = one if one[1] == "iOS" else other
        browser = other if ipad is one else one
        may_be = not ipad[0].startswith("iPhone")
        if not browser[2].startswith("safari"):
            version = ""
        return "open" if may_be and version != "no" else ""
    if len(names) > 1 or "no" in (model, version):
        return ""
    return "same" if "yes" in (model, version) else "open"


def _same_model(one: str, other: str) -> str:
    for bare in ("iPhone", "iPad"):
        if bare in (one, other) and one.startswith(bare) and other.startswith(bare):
            return ""
    if not one or not other:
        return ""
    return "yes" if one == other else "no"


def _same_version(one: str, other: str) -> str:
    """Every version that there may be, one by one."""
    all_versions = [(major, minor) for major in range(40) for minor in range(20)]
    first = {each for each in all_versions if _may_be(each, one)}
    second = {each for each in all_versions if _may_be(each, other)}
    if not one or not other:
        return ""
    if not first & second:
        return "no"
    return "" if one.endswith("+") or other.endswith("+") else "yes"


def _may_be(version: tuple[int, int], text: str) -> bool:
    numbers = [int(number) for number in text.replace("safari ", "").rstrip("+").split(".") if text]
    if text.endswith("+"):
        return list(version) >= numbers
    return list(version)[: len(numbers)] == numbers


def _by_click_id(clicks: list[Click], identity: Identity) -> Found | None:
    named = [click for click in clicks if click.id in identity[1]]
    return ("click_id", _latest(named), frozenset()) if named else None


def _by_device_id(clicks: list[Click], proof: Proof) -> Found | None:
    traces = {click.id: _device_traces(click) for click in clicks}
    return _by_trace("device_id", clicks, traces, proof)


def _by_device_like_it(clicks: list[Click], sights: list[Sight]) -> Found | None:
    return _by_sight(clicks, sights, "same")


def _by_view(
    views: list[Click],
    first_ms: int,
    proof: Proof,
    sights: list[Sight],
    uncrowded: list[Sight],
    rules: Rules,
) -> Found | None:
    """By what was seen and not clicked: a window of zero is none."""
    carried = [view for view in views if _within(view, first_ms, rules.view_device_ms)]
    around = [view for view in views if _within(view, first_ms, rules.view_address_ms)]
    found = None
    if rules.view_device_ms:
        found = _by_device_id(carried, proof)
    if found is None and rules.view_address_ms:
        found = _by_sight(around, sights, "same") or _by_sight(around, uncrowded, "open")
    return None if found is None else (f"view_{found[0]}", *found[1:])


def _uncrowded(
    clicks: list[Click], sights: list[Sight], newcomers: dict[str, int], rules: Rules
) -> list[Sight]:
    """Where few devices were seen: users who came, or clicks, those of ten minutes being one."""
    uncrowded = []
    for sight in sights:
        taps = {
            (device, click.time_ms // (10 * MINUTE_MS))
            for click in clicks
            for address, device in _sightings(click)
            if address == sight[0]
            and any(alike(device, it[1]) for it in sights if it[0] == address)
        }
        devices = max(len(taps), newcomers.get(sight[0], 0) + 1)
        if devices <= rules.devices_max:
            uncrowded.append(sight)
    return uncrowded


def _by_sight(clicks: list[Click], sights: list[Sight], how: str) -> Found | None:
    found: dict[str, list[frozenset[str]]] = {}
    for click in clicks:
        for address, device in _sightings(click):
            for place, seen, lenders in sights:
                if place == address and alike(device, seen) == how:
                    found.setdefault(click.id, []).append(lenders)
    if not found:
        return None
    latest = _latest([click for click in clicks if click.id in found])
    ways = found[latest.id]
    needs_no_lender = frozenset() in ways
    return (
        "address_and_device",
        latest,
        frozenset() if needs_no_lender else frozenset().union(*ways),
    )


def _by_trace(
    rule: str, clicks: list[Click], traces: dict[str, list[Trace]], proof: Proof
) -> Found | None:
    matching = [click for click in clicks if any(trace in proof for trace in traces[click.id])]
    if not matching:
        return None
    latest = _latest(matching)
    ways = [proof[trace] for trace in traces[latest.id] if trace in proof]
    needs_no_lender = frozenset() in ways
    return rule, latest, frozenset() if needs_no_lender else frozenset().union(*ways)


def _latest(clicks: list[Click]) -> Click:
    latest_ms = max(click.time_ms for click in clicks)
    return min(
        (click for click in clicks if click.time_ms == latest_ms), key=lambda click: click.id
    )
