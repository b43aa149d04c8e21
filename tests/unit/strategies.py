"""Hypothesis strategies for values of the project."""

from hypothesis import strategies as st

from shared.events import Environment, Event, Kind
from shared.fields import COUNT_MAX

text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
times_ms = st.integers(min_value=0, max_value=2**47)
keys = st.integers(min_value=1, max_value=2**63 - 1)

events = st.builds(
    Event,
    receipt=st.uuids(),
    received_at_ms=times_ms,
    app_id=keys,
    token_id=keys,
    environment=st.sampled_from(Environment),
    kind=st.sampled_from(Kind),
    endpoint=text,
    user_id=text,
    event_id=text,
    event_time_ms=st.none() | times_ms,
    idempotency_key=st.none() | text,
    ip_address=st.none() | st.ip_addresses().map(str),
    user_agent=st.none() | text,
    sale_amount=st.none() | st.decimals(allow_nan=False, allow_infinity=False).map(str),
    sale_amount_currency=st.none() | st.sampled_from(["USD", "EUR"]),
    aggregated_event_value=st.none() | text,
    event_value=st.none() | text,
    parameters=st.dictionaries(text, text, max_size=4),
    ad_network=st.none() | text,
    ad_unit=st.none() | text,
    ad_placement=st.none() | text,
    ad_impressions=st.none() | st.integers(min_value=0, max_value=COUNT_MAX),
)
