"""Links and partners: a link is a partner's tracking link for one app.

Every link is published to ingest or is not created: ingest redirects only to the destinations that
were published to it.
"""

import re
from dataclasses import dataclass, field, replace
from datetime import datetime
from urllib.parse import urlencode
from uuid import UUID

from console.actor import Actor, require_admin
from console.apps.apps import App
from console.apps.destination_hosts import require_listed
from console.audit import Action, Change, record_change
from console.publication import publishing_transaction
from console.resources import Resources
from console.validation import clean_destination, clean_shown_name, clean_text
from shared.database import Connection, run, transaction
from shared.errors import BadValue, OperatorError
from shared.ids import RECEIPT_TIME_MS_MAX, receipt_floor, receipt_time_ms

NAME_CHARACTERS_MAX = 100
NUMBER_CHARACTERS_MAX = 64
TEST_CLICK_WAIT_MS = 900_000  # a test click is looked for in this period
CLOCK_DIFFERENCE_MS_MAX = 120_000  # clocks of ingest hosts and the console may differ by this much
_NUMBER = re.compile(r"[A-Za-z0-9._~-]+")  # nothing that a URL has to encode


@dataclass(frozen=True)
class Partner:
    """A partner: a company whose links attribute users to it; `links` counts them."""

    id: int
    name: str
    created_at: datetime
    archived_at: datetime | None = None
    links: int = 0


@dataclass(frozen=True)
class Link:
    """A tracking link. Clicks name it by `offer_id` and `pub_id`: both text, mostly numbers.

    `postback_names` are the names of fields in its network's postbacks, where they are not usual.
    Without `view_through`, its impressions are credited with nobody. It is archived with its
    partner.
    """

    id: int
    app: str
    partner: str
    name: str
    offer_id: str
    pub_id: str
    destination: str
    created_at: datetime
    postback_names: dict[str, str] = field(default_factory=dict)
    view_through: bool = True
    archived_at: datetime | None = None


@dataclass(frozen=True)
class NewLink:
    """The values of a new link. A free number is chosen for each that is left out."""

    partner: str
    name: str
    destination: str
    offer_id: str | None = None
    pub_id: str | None = None


_SELECT = """
    SELECT
        links.id, apps.name, partners.name, links.name, offer_id, pub_id, links.destination,
        links.created_at, links.postback_names, links.view_through,
        coalesce(links.archived_at, partners.archived_at)
    FROM links
    JOIN apps ON apps.id = links.app_id
    JOIN partners ON partners.id = links.partner_id
"""

_INSERT = """
    INSERT INTO links (app_id, partner_id, name, offer_id, pub_id, destination)
    VALUES (%s, %s, %s, %s, %s, %s)
    ON CONFLICT DO NOTHING
    RETURNING id
"""

_SET_VIEW_THROUGH = """
    UPDATE links SET view_through = %(wanted)s
    WHERE id = %(id)s AND view_through <> %(wanted)s RETURNING id
"""

_SEE = "See `waybill link list`."
# A partner has the same pub_id in all its links; an offer_id belongs to one link.
_PUB_ID_OF = "SELECT pub_id FROM links WHERE partner_id = %s ORDER BY id LIMIT 1"

_TAKEN_PUB_IDS = "SELECT pub_id FROM links"
_TAKEN_OFFER_IDS = "SELECT offer_id FROM links"


def create_link(resources: Resources, actor: Actor, app: App, new: NewLink) -> Link:
    """Creates a link, and its partner when that is new.

    Raises OperatorError when a value is malformed or taken, or the link cannot be published, and
    NotAllowed for a viewer.
    """
    require_admin(actor)
    connection = resources.connection
    taken_names = run(connection, "SELECT name FROM links WHERE app_id = %s", (app.id,))
    name = _clean_name("name", new.name, [known for (known,) in taken_names])
    destination = clean_destination(new.destination)
    given_offer_id = _clean_number("offer-id", new.offer_id)
    given_pub_id = _clean_number("pub-id", new.pub_id)
    with publishing_transaction(resources):
        require_listed(connection, app.id, destination)
        # Without the lock two commands at once would choose the same free number.
        run(connection, "LOCK TABLE links IN SHARE ROW EXCLUSIVE MODE")
        partner = ensure_partner(connection, new.partner)
        offer_id = given_offer_id or _free_number(connection, _TAKEN_OFFER_IDS)
        stored = run(connection, _PUB_ID_OF, (partner.id,)).fetchone()
        pub_id = given_pub_id or (
            str(stored[0]) if stored else _free_number(connection, _TAKEN_PUB_IDS)
        )
        row = run(
            connection, _INSERT, (app.id, partner.id, name, offer_id, pub_id, destination)
        ).fetchone()
        if row is None:
            taken = run(
                connection, "SELECT FROM links WHERE app_id = %s AND name = %s", (app.id, name)
            ).fetchone()
            what = "A link with this offer ID and this pub ID already exists."
            if taken is not None:
                what = "The app already has a link with this name."
            raise OperatorError(what, _SEE)
        (link,) = (
            Link(*values) for values in run(connection, f"{_SELECT} WHERE links.id = %s", row)
        )
        recorded = ("partner", "offer_id", "pub_id", "destination")
        after = {name: getattr(link, name) for name in recorded}
        record_change(connection, actor, app.id, Change(Action.LINK_CREATE, name, None, after))
    return link


def set_view_through(
    connection: Connection, actor: Actor, app: App, link: Link, wanted: bool
) -> Link:
    """Lets impressions of a link be credited or not, from the next decisions on; returns the link.

    The same value again changes nothing. Raises NotAllowed for a viewer.
    """
    require_admin(actor)
    with transaction(connection):
        row = run(connection, _SET_VIEW_THROUGH, {"id": link.id, "wanted": wanted}).fetchone()
        if row is not None:
            before, after = {"view_through": not wanted}, {"view_through": wanted}
            change = Change(Action.LINK_VIEWS, link.name, before, after)
            record_change(connection, actor, app.id, change)
    return replace(link, view_through=wanted)


def ensure_partner(connection: Connection, name: str) -> Partner:
    """Returns the partner of this name, and creates it when it is new.

    Raises OperatorError for a malformed name.
    """
    taken = [known for (known,) in run(connection, "SELECT name FROM partners")]
    name = _clean_name("partner", name, taken)
    run(connection, "INSERT INTO partners (name) VALUES (%s) ON CONFLICT DO NOTHING", (name,))
    row = run(
        connection, "SELECT id, name, created_at FROM partners WHERE name = %s", (name,)
    ).fetchone()
    assert row is not None
    return Partner(*row)


def list_partners(connection: Connection) -> list[Partner]:
    """Returns every partner, by name."""
    rows = run(
        connection,
        """
        SELECT id, name, created_at, archived_at,
               (SELECT count(*) FROM links WHERE partner_id = partners.id)
        FROM partners ORDER BY name, id
        """,
    )
    return [Partner(*row) for row in rows]


def find_partner(connection: Connection, name: str) -> Partner:
    """Returns the partner of this name. Raises OperatorError if there is none."""
    for partner in list_partners(connection):
        if partner.name == name:
            return partner
    raise OperatorError("There is no partner of this name. See `waybill partner list`.")


def _clean_name(called: str, name: str, taken: list[str]) -> str:
    """Returns the name. One that exists is accepted whatever it looks like: older ones may be."""
    if name.strip() in taken:
        return name.strip()
    return clean_shown_name(called, name, NAME_CHARACTERS_MAX, taken)


def list_links(connection: Connection, app: App | None = None) -> list[Link]:
    """Returns the links of one app, or of all, in the order of their creation."""
    rows = run(
        connection,
        f"{_SELECT} WHERE %(app)s::bigint IS NULL OR links.app_id = %(app)s ORDER BY links.id",
        {"app": None if app is None else app.id},
    )
    return [Link(*row) for row in rows]


def find_link(connection: Connection, app: App, name: str) -> Link:
    """Returns the link of an app by its name. Raises OperatorError if there is none."""
    for link in list_links(connection, app):
        if link.name == name:
            return link
    raise OperatorError("This app has no link of this name. See `waybill link list`.")


def find_test_click(connection: Connection, link: Link, test_id: UUID) -> UUID | None:
    """Returns the receipt ID of the test click with this id, or None until it has arrived.

    The id is itself a receipt ID. Only clicks received shortly after its creation are searched.
    """
    created_ms = receipt_time_ms(test_id)
    bounds = (
        max(0, created_ms - CLOCK_DIFFERENCE_MS_MAX),
        min(created_ms + TEST_CLICK_WAIT_MS, RECEIPT_TIME_MS_MAX),
    )
    row = run(
        connection,
        """
        SELECT receipt FROM clicks
        WHERE receipt BETWEEN %s AND %s AND link_id = %s AND parameters ->> 'pub_click_id' = %s
        ORDER BY receipt LIMIT 1
        """,
        (*map(receipt_floor, bounds), link.id, str(test_id)),
    ).fetchone()
    return row[0] if row else None


def conversion_url(base: str, link: Link) -> str:
    """Returns the URL at which the network of a link reports conversions, but for its macros."""
    named = urlencode({"offer_id": link.offer_id, "pub_id": link.pub_id})
    return f"{base}/conversion?{named}&s2s_token=TOKEN"


def url_for_test_click(base: str, link: Link, test_id: UUID) -> str:
    """Returns the tracking URL for one click, with an id that identifies it."""
    return f"{tracking_url(base, link)}&{urlencode({'pub_click_id': str(test_id)})}"


def tracking_url(base: str, link: Link, path: str = "/click") -> str:
    """Returns the URL that a partner uses for clicks, or at `/impression` for impressions.

    `base` is the public URL of ingest, without a trailing slash.
    """
    return f"{base}{path}?{urlencode({'offer_id': link.offer_id, 'pub_id': link.pub_id})}"


def _clean_number(name: str, value: str | None) -> str | None:
    if value is None:
        return None
    number = clean_text(name, value, NUMBER_CHARACTERS_MAX)
    if not _NUMBER.fullmatch(number):
        raise BadValue(name, "may contain only letters, digits, dots, hyphens and underscores.")
    return number


def _free_number(connection: Connection, taken: str) -> str:
    """Returns the smallest whole number that the query `taken` does not return."""
    numbers = {text for (text,) in run(connection, taken)}
    number = 1
    while str(number) in numbers:
        number += 1
    return str(number)
