"""Links: a partner's tracking link for one app.

Every link reaches ingest, or is not made: ingest sends people to the destinations that it was told
of, and to no others.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode
from uuid import UUID

from console.actor import Actor, require_admin
from console.apps.apps import App
from console.apps.destinations import read_destination
from console.apps.partners import Partner, ensure_partner
from console.audit import Action, Change, record_change
from console.publication import published
from console.resources import Resources
from console.validation import label
from shared.database import Connection, run
from shared.errors import BadValue, OperatorError
from shared.ids import RECEIPT_TIME_MS_MAX, receipt_floor, receipt_time_ms

NAME_CHARACTERS_MAX = 100
NUMBER_CHARACTERS_MAX = 64
TEST_MS = 900_000  # how long a test click is waited for
TEST_SLACK_MS = 120_000  # clocks of ingest hosts and the console may differ by this much
_NUMBER = re.compile(r"[A-Za-z0-9._~-]+")  # nothing that an address would have to encode


@dataclass(frozen=True)
class Link:
    """`offer_id` and `pub_id` are how a click names it; both are text, mostly numbers."""

    id: int
    app: str
    partner: str
    name: str
    offer_id: str
    pub_id: str
    destination: str
    created_at: datetime


@dataclass(frozen=True)
class NewLink:
    """What a person says of a link. A number that they leave out is found."""

    partner: str
    name: str
    destination: str
    offer_id: str | None = None
    pub_id: str | None = None


_SELECT = """
    SELECT
        links.id, apps.name, partners.name, links.name, offer_id, pub_id, links.destination,
        links.created_at
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

# A partner keeps its number through all its links; an offer is each link's own.
_SEE = "See `waybill link list`."
_PUB_ID_OF = "SELECT pub_id FROM links WHERE partner_id = %s ORDER BY id LIMIT 1"

_TAKEN_PUB_IDS = "SELECT pub_id FROM links"
_TAKEN_OFFER_IDS = "SELECT offer_id FROM links"


def create_link(resources: Resources, actor: Actor, app: App, new: NewLink) -> Link:
    """Raises OperatorError when a value is malformed or taken, or the link cannot be published;
    NotAllowed.
    """
    require_admin(actor)
    connection = resources.connection
    name = label("name", new.name, NAME_CHARACTERS_MAX)
    destination = read_destination(new.destination)
    given = _number("offer-id", new.offer_id), _number("pub-id", new.pub_id)
    with published(resources):
        # Two commands at once would find the same free number.
        run(connection, "LOCK TABLE links IN SHARE ROW EXCLUSIVE MODE")
        partner = ensure_partner(connection, new.partner)
        offer_id = given[0] or _free(connection, _TAKEN_OFFER_IDS)
        pub_id = given[1] or _pub_id(connection, partner)
        row = run(
            connection, _INSERT, (app.id, partner.id, name, offer_id, pub_id, destination)
        ).fetchone()
        if row is None:
            raise _refusal(connection, app, name)
        made = run(connection, f"{_SELECT} WHERE links.id = %s", row).fetchone()
        assert made is not None
        link = Link(*made)
        record_change(connection, actor, app.id, _made(link))
    return link


def list_links(connection: Connection, app: App | None = None) -> list[Link]:
    """In the order they were made; of one app, or of all."""
    rows = run(
        connection,
        f"{_SELECT} WHERE %(app)s::bigint IS NULL OR links.app_id = %(app)s ORDER BY links.id",
        {"app": None if app is None else app.id},
    )
    return [Link(*row) for row in rows]


def find_test_click(connection: Connection, link: Link, mark: UUID) -> UUID | None:
    """The receipt of the click with this mark, a receipt of its own, soon after that was made."""
    made_ms = receipt_time_ms(mark)
    bounds = max(0, made_ms - TEST_SLACK_MS), min(made_ms + TEST_MS, RECEIPT_TIME_MS_MAX)
    row = run(
        connection,
        """
        SELECT receipt FROM clicks
        WHERE receipt BETWEEN %s AND %s AND link_id = %s AND parameters ->> 'pub_click_id' = %s
        ORDER BY receipt LIMIT 1
        """,
        (*map(receipt_floor, bounds), link.id, str(mark)),
    ).fetchone()
    return row[0] if row else None


def marked_url(base: str, link: Link, mark: UUID) -> str:
    """The tracking URL for one click that can be told from all others."""
    return f"{tracking_url(base, link)}&{urlencode({'pub_click_id': str(mark)})}"


def tracking_url(base: str, link: Link) -> str:
    """What a partner is given; `base` is how ingest is reached from outside, without a slash."""
    return f"{base}/click?{urlencode({'offer_id': link.offer_id, 'pub_id': link.pub_id})}"


def _made(link: Link) -> Change:
    told = {
        "partner": link.partner,
        "offer_id": link.offer_id,
        "pub_id": link.pub_id,
        "destination": link.destination,
    }
    return Change(Action.LINK_CREATE, link.name, None, told)


def _number(name: str, value: str | None) -> str | None:
    if value is None:
        return None
    number = label(name, value, NUMBER_CHARACTERS_MAX)
    if not _NUMBER.fullmatch(number):
        raise BadValue(name, "may have letters, digits, dots, hyphens, underscores only.")
    return number


def _pub_id(connection: Connection, partner: Partner) -> str:
    row = run(connection, _PUB_ID_OF, (partner.id,)).fetchone()
    return _free(connection, _TAKEN_PUB_IDS) if row is None else str(row[0])


def _free(connection: Connection, taken: str) -> str:
    """The smallest whole number that is not among those taken."""
    numbers = {text for (text,) in run(connection, taken)}
    number = 1
    while str(number) in numbers:
        number += 1
    return str(number)


def _refusal(connection: Connection, app: App, name: str) -> OperatorError:
    taken = run(
        connection, "SELECT FROM links WHERE app_id = %s AND name = %s", (app.id, name)
    ).fetchone()
    if taken is not None:
        return OperatorError("The app has a link of this name.", _SEE)
    return OperatorError("There is a link with this offer id and this pub id.", _SEE)
