"""Reads what a person says of a callback endpoint."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from console.apps.apps import App
from console.apps.event_types import list_event_types
from console.apps.links import ensure_partner, list_links
from console.validation import clean_text
from shared.callbacks.activities import LEVELS, STATUSES, Activity, partner_activities
from shared.callbacks.addresses import host_fault
from shared.callbacks.templates import URL_CHARACTERS_MAX, url_fault
from shared.database import Connection
from shared.errors import BadValue

NAME_CHARACTERS_MAX = 100
ANSWER_CHARACTERS_MAX = 200
CONCURRENCY_MAX = 64
RATE_MAX = 10_000
HOSTS_MAX = 50
METHODS = ("GET", "POST")


@dataclass(frozen=True, kw_only=True)
class EndpointForm:
    """An endpoint as a person describes it.

    With a `partner` it is the partner's: `level` says what it hears of, and `status` whether of
    approved or rejected installs, or of both. Without one it is the app's own, and `activities` say
    it. Without a `url` it uses the one that each click carries, if that leads to one of `hosts`.
    `event_type` is a mapping ID, `link` a link's name.
    """

    name: str
    partner: str | None = None
    level: str | None = None
    status: str | None = None
    activities: Sequence[str] = ()
    method: str = "GET"
    url: str | None = None
    hosts: Sequence[str] = ()
    event_type: str | None = None
    link: str | None = None
    attributed_only: bool = False
    revenue_only: bool = False
    payout_only: bool = False
    sandbox: bool = False
    answer_contains: str | None = None
    concurrency_max: int = 8
    rate_max: int | None = None


@dataclass(frozen=True, kw_only=True)
class ReadForm:
    """The same, checked, as the table has it."""

    name: str
    partner_id: int | None
    activities: list[str]
    method: str
    url: str | None
    hosts: list[str]
    event_type_id: int | None
    link_id: int | None
    attributed_only: bool
    revenue_only: bool
    payout_only: bool
    sandbox: bool
    answer_contains: str | None
    concurrency_max: int
    rate_max: int | None

    def values(self) -> tuple[object, ...]:
        """Returns what an endpoint's owner may change, in the order of the table's statements."""
        return (
            *(self.name, self.activities, self.method, self.url, self.hosts),
            *(self.event_type_id, self.link_id, self.attributed_only, self.revenue_only),
            *(self.payout_only, self.sandbox, self.answer_contains),
            *(self.concurrency_max, self.rate_max),
        )


def read_form(connection: Connection, app: App, form: EndpointForm) -> ReadForm:
    """Checks what a person said, and makes the partner when new. Raises BadValue."""
    if form.method not in METHODS:
        raise BadValue("method", "must be GET or POST.")
    url, hosts, activities, answer = _url(form), _hosts(form), _activities(form), None
    if form.answer_contains:
        answer = clean_text("answer-contains", form.answer_contains, ANSWER_CHARACTERS_MAX)
    types = {
        name: each.id
        for each in list_event_types(connection, app)
        for name in (each.name, each.mapping_id)
    }
    links = {
        name: each.id
        for each in list_links(connection, app)
        if form.partner in {None, each.partner}
        for name in (str(each.id), each.name)
    }
    return ReadForm(
        name=clean_text("name", form.name, NAME_CHARACTERS_MAX),
        partner_id=ensure_partner(connection, form.partner).id if form.partner else None,
        activities=[str(activity) for activity in activities],
        method=form.method,
        url=url,
        hosts=hosts,
        event_type_id=_chosen(
            "event-type", form.event_type, types, "is not an event type of the app."
        ),
        link_id=_chosen(
            "link", form.link, links, "is not a link of the app, or not one of this partner."
        ),
        attributed_only=form.attributed_only,
        revenue_only=form.revenue_only,
        payout_only=form.payout_only,
        sandbox=form.sandbox,
        answer_contains=answer,
        concurrency_max=_between("concurrency-max", form.concurrency_max, CONCURRENCY_MAX),
        rate_max=None if form.rate_max is None else _between("rate-max", form.rate_max, RATE_MAX),
    )


def _activities(form: EndpointForm) -> Sequence[Activity]:
    if form.partner:
        if form.level not in LEVELS:
            raise BadValue("level", "must be install, event, both or all.")
        if form.status not in {None, *STATUSES}:
            raise BadValue("status", "must be approved, rejected or both.")
        told = partner_activities(form.level, form.status)
        if not told:
            raise BadValue("status", "must be approved or both: only installs are rejected.")
        return told
    known = {str(activity) for activity in Activity}
    if not form.activities or not set(form.activities) <= known:
        raise BadValue("activity", f"must be at least one of {', '.join(Activity)}.")
    return [activity for activity in Activity if activity in form.activities]


def _url(form: EndpointForm) -> str | None:
    if not form.url:
        if not form.partner or not form.hosts:
            raise BadValue(
                "url", "is missing. Only a partner's endpoint with a list of hosts needs none."
            )
        return None
    url = clean_text("url", form.url, URL_CHARACTERS_MAX)
    if fault := url_fault(url):
        raise BadValue("url", fault)
    return url


def _hosts(form: EndpointForm) -> list[str]:
    hosts = sorted({host.strip().lower() for host in form.hosts if host.strip()})
    if len(hosts) > HOSTS_MAX:
        raise BadValue("host", f"may be given at most {HOSTS_MAX} times.")
    for host in hosts:
        if fault := host_fault(host):
            raise BadValue("host", fault)
    return hosts


def _chosen(field: str, named: str | None, numbers: Mapping[str, int], fault: str) -> int | None:
    if named and named not in numbers:
        raise BadValue(field, fault)
    return numbers[named] if named else None


def _between(name: str, value: int, largest: int) -> int:
    if not 1 <= value <= largest:
        raise BadValue(name, f"must be a whole number from 1 to {largest}.")
    return value
