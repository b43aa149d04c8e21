"""Defines what a callback may tell: the values of one activity, read by one query for many."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from uuid import UUID

import msgspec

from shared.database import Connection, named_rows, run
from shared.day_files.rows import rows_of_receipts

_TIME_MS = "(extract(epoch FROM {}) * 1000)::bigint"

_RECEIPTS = "SELECT receipt FROM callbacks WHERE id = ANY(%s)"
# Of each callback one row, whatever is left of what it is about.
_FACTS = f"""
SELECT
    callbacks.id, callbacks.activity, callbacks.environment, callbacks.receipt,
    {_TIME_MS.format("callbacks.event_time")} AS event_time_ms,
    {_TIME_MS.format("callbacks.created_at")} AS created_at_ms,
    callbacks.rule, callbacks.rejection, callbacks.origin_kind, callbacks.origin,
    callbacks.click_id,
    callbacks.outdated_origin_kind, callbacks.outdated_origin,
    {_TIME_MS.format("callbacks.attributed_at")} AS attributed_at_ms,
    callbacks.app_id, apps.name AS app_name, apps.app_token, apps.currency AS app_currency,
    apps.click_deterministic_ms, apps.click_probabilistic_ms, apps.view_device_id_ms,
    apps.reattribution_window_ms, apps.inactivity_ms,
    events.ad_network, events.ad_unit, events.ad_placement, events.ad_impressions,
    users.user_id, users.device_ids AS known_device_ids,
    {_TIME_MS.format("users.first_time")} AS installed_at_ms,
    events.kind, events.endpoint, events.event_id, event_types.id AS event_type_id,
    event_types.name AS event_type, event_types.event_token,
    host(coalesce(events.ip_address, credited.ip_address)) AS ip_address,
    coalesce(events.user_agent, credited.user_agent) AS user_agent,
    events.country, trim_scale(events.sale_amount)::text AS sale_amount,
    events.sale_amount_currency, events.event_value,
    trim_scale(events.aggregated_event_value)::text AS aggregated_event_value,
    coalesce(events.parameters, '{{}}') AS parameters,
    coalesce(events.device_ids, credited.device_ids, '{{}}') AS device_ids,
    {_TIME_MS.format("credited.event_time")} AS click_time_ms,
    credited.kind AS click_kind, coalesce(credited.parameters, '{{}}') AS click_parameters,
    host(credited.ip_address) AS click_ip_address, credited.user_agent AS click_user_agent,
    links.id AS link_id, links.name AS link_name, links.offer_id, links.pub_id,
    partners.id AS partner_id, partners.name AS partner_name,
    outdated_links.name AS outdated_link_name, outdated_links.offer_id AS outdated_offer_id,
    outdated_partners.name AS outdated_partner_name,
    trim_scale(paid.amount)::text AS payout, paid.currency AS payout_currency,
    erasures.subject AS erased_ids
FROM callbacks
LEFT JOIN apps ON apps.id = callbacks.app_id
LEFT JOIN users ON users.id = callbacks.user_ref
LEFT JOIN events ON events.receipt = callbacks.receipt
LEFT JOIN event_types ON event_types.id = events.event_type_id
LEFT JOIN clicks AS credited ON credited.click_id = callbacks.click_id
    AND credited.app_id = callbacks.app_id AND credited.environment = callbacks.environment
LEFT JOIN links ON callbacks.origin_kind = 'link' AND links.id = callbacks.origin::bigint
LEFT JOIN partners ON partners.id = links.partner_id
LEFT JOIN LATERAL (
    SELECT amount, currency FROM link_prices
    WHERE link_id = links.id
      AND per = CASE WHEN callbacks.activity IN ('session', 'ad_revenue') THEN 'event'
          ELSE callbacks.activity END
      AND event = CASE callbacks.activity
          WHEN 'event' THEN events.event_type_id::text
          WHEN 'session' THEN '__open'
          WHEN 'ad_revenue' THEN '__ad_revenue'
          ELSE '' END
      AND since <= (callbacks.event_time AT TIME ZONE coalesce(apps.time_zone, 'UTC'))::date
    ORDER BY since DESC LIMIT 1
) AS paid ON true
LEFT JOIN links AS outdated_links ON callbacks.outdated_origin_kind = 'link'
    AND outdated_links.id = callbacks.outdated_origin::bigint
LEFT JOIN partners AS outdated_partners ON outdated_partners.id = outdated_links.partner_id
LEFT JOIN erasures ON callbacks.activity = 'erased' AND erasures.id = callbacks.receipt
WHERE callbacks.id = ANY(%(ids)s)
"""


class ConversionFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The knowledge of one activity when its callback is sent. Times are Unix milliseconds.

    `click_…` are of the click that is credited, `outdated_…` of the source before an update.
    `payout` is the link's price on the day of the activity. `erased_ids` are pairs of kind and
    value, known until the erasure is done.
    """

    id: UUID
    activity: str
    environment: str
    receipt: UUID
    event_time_ms: int
    created_at_ms: int
    app_id: int
    app_name: str | None = None
    app_token: str | None = None
    app_currency: str | None = None
    click_deterministic_ms: int | None = None
    click_probabilistic_ms: int | None = None
    view_device_id_ms: int | None = None
    reattribution_window_ms: int | None = None
    inactivity_ms: int | None = None
    rule: str | None = None
    rejection: str | None = None
    origin_kind: str | None = None
    origin: str | None = None
    click_id: str | None = None
    outdated_origin_kind: str | None = None
    outdated_origin: str | None = None
    outdated_link_name: str | None = None
    outdated_offer_id: str | None = None
    outdated_partner_name: str | None = None
    attributed_at_ms: int | None = None
    user_id: str | None = None
    known_device_ids: Sequence[str] | None = None
    installed_at_ms: int | None = None
    kind: str | None = None
    endpoint: str | None = None
    event_id: str | None = None
    event_type_id: int | None = None
    event_type: str | None = None
    event_token: str | None = None
    ip_address: str | None = None
    user_agent: str | None = None
    country: str | None = None
    sale_amount: str | None = None
    sale_amount_currency: str | None = None
    aggregated_event_value: str | None = None
    event_value: str | None = None
    ad_network: str | None = None
    ad_unit: str | None = None
    ad_placement: str | None = None
    ad_impressions: int | None = None
    parameters: Mapping[str, str] = {}
    device_ids: Mapping[str, str] = {}
    click_time_ms: int | None = None
    click_kind: str | None = None
    click_parameters: Mapping[str, str] = {}
    click_ip_address: str | None = None
    click_user_agent: str | None = None
    link_id: int | None = None
    link_name: str | None = None
    offer_id: str | None = None
    pub_id: str | None = None
    partner_id: int | None = None
    partner_name: str | None = None
    payout: str | None = None
    payout_currency: str | None = None
    erased_ids: Sequence[Sequence[str]] | None = None

    @property
    def is_first_source(self) -> bool:
        """Tells whether the attribution in force is that of the user's first activity."""
        return self.attributed_at_ms is not None and self.attributed_at_ms == self.installed_at_ms

    def parameter(self, *names: str) -> str | None:
        """Returns the first of these parameters that the event or, failing that, the click had."""
        for parameters in (self.parameters, self.click_parameters):
            for name in names:
                if value := parameters.get(name):
                    return value
        return None

    def device_id(self, *kinds: str) -> str | None:
        """Returns the first of these device ids that the event or the click carried."""
        return next((self.device_ids[kind] for kind in kinds if self.device_ids.get(kind)), None)


def load_facts(connection: Connection, ids: Sequence[UUID]) -> dict[UUID, ConversionFacts]:
    """Reads what callbacks are about, by their ids. Raises DatabaseError."""
    receipts = [receipt for (receipt,) in run(connection, _RECEIPTS, (list(ids),))]
    with rows_of_receipts(connection, receipts):
        rows = named_rows(connection, _FACTS, {"ids": list(ids)})
    return {row["id"]: ConversionFacts(**row) for row in rows}


SAMPLE = ConversionFacts(
    id=UUID("019a2f00-1c80-7d6e-9a3b-5f0c2d4e6b81"),
    activity="event",
    environment="production",
    receipt=UUID("019a2f00-1c80-7d6e-9a3b-5f0c2d4e6b82"),
    event_time_ms=1_761_649_200_000,
    created_at_ms=1_761_649_201_000,
    app_id=1,
    app_name="Shop",
    app_token="abc123def456",  # noqa: S106 - names an app, authenticates nobody
    app_currency="EUR",
    click_deterministic_ms=604_800_000,
    click_probabilistic_ms=21_600_000,
    view_device_id_ms=86_400_000,
    reattribution_window_ms=604_800_000,
    inactivity_ms=604_800_000,
    rule="click_id",
    origin_kind="link",
    origin="1",
    click_id="1PbM0vX~Kd3fG7hJ9kL2mN",
    outdated_origin_kind="source",
    outdated_origin="newsletter",
    attributed_at_ms=1_761_645_600_000,
    user_id="sample-user-1",
    installed_at_ms=1_761_645_600_000,
    kind="event",
    endpoint="/postback",
    event_id="purchase",
    event_type_id=1,
    event_type="Purchase",
    event_token="pur123",  # noqa: S106 - as above
    ip_address="203.0.113.7",
    user_agent="Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36",
    country="DE",
    sale_amount="9.99",
    sale_amount_currency="EUR",
    aggregated_event_value="9.99",
    event_value='{"items":2}',
    parameters={"gender": "x", "order_id": "A-1001", "os_name": "android", "app_version": "2.4.1"},
    device_ids={
        "gaid": "38400000-8cf0-11bd-b23e-10b96e40000d",
        "idfa": "6D92078A-8246-4BA4-AE5B-76104861E7DC",
        "idfv": "E9B07A11-0E2B-4F0E-9F3E-3B2D7B6C8A10",
        "android_id": "9774d56d682e549c",
    },
    click_time_ms=1_761_642_000_000,
    click_kind="click",
    click_parameters={
        "pub_click_id": "network-click-77",
        "pub_sub_id": "site-4",
        "pub_sub_sub_id": "slot-2",
        "campaign": "Summer sale",
        "adset": "Germany",
        "creative": "Banner 7",
        "label": "L1",
    },
    click_ip_address="203.0.113.7",
    click_user_agent="Mozilla/5.0 (Linux; Android 14; Pixel 8) Chrome/124.0 Mobile",
    link_id=1,
    link_name="Summer",
    offer_id="1",
    pub_id="1",
    partner_id=1,
    partner_name="Acme",
    payout="1.2",
    payout_currency="USD",
)


def iso_time(time_ms: int) -> str:
    """Writes Unix milliseconds as ISO 8601, in UTC."""
    moment = datetime.fromtimestamp(time_ms / 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{time_ms % 1000:03d}Z"
