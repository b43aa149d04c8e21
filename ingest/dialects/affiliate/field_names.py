"""Lists the names under which networks send the fields of a conversion, and finds them.

Of several names the first counts; the others stay with the event. A link may say under which name
its own network sends a field: then none of the usual names is read for that field, for they may
mean something else there.
"""

import re
from collections.abc import Mapping, Sequence

from ingest.dialects.common_fields import take_id
from ingest.parameters import Parameters
from shared import fields
from shared.integration_log import UnreadReason
from shared.names.invisible import trimmed
from shared.names.postback_names import PostbackField
from shared.placeholders import is_placeholder

USUAL_NAMES: Mapping[PostbackField, tuple[str, ...]] = {
    PostbackField.CLICK_ID: (
        *("click_id", "clickid", "cid", "subid", "sub_id", "aff_sub", "transaction_id"),
    ),
    PostbackField.AMOUNT: ("amount", "payout", "revenue", "sum", "sale_amount"),
    PostbackField.CURRENCY: ("currency", "sale_amount_currency"),
    PostbackField.STATUS: ("status",),
    PostbackField.TRANSACTION_ID: ("txid", "tid", "order_id", "uq", "transaction_id"),
    PostbackField.EVENT_ID: ("event_id", "event", "et", "goal", "goal_id"),
}
OTHER_CLICK_NAMES = USUAL_NAMES[PostbackField.CLICK_ID][1:]  # that no other dialect has
# 12,34 is 12.34 in Everflow's postbacks; a comma before three digits would be of thousands.
_COMMA = re.compile(r"[+-]?\d+,\d{1,2}", re.ASCII)


class FieldNames:
    """The names of the fields in the postbacks of one link, or of any."""

    def __init__(self, own_names: Mapping[str, str]) -> None:
        self._own_names = own_names

    def of(self, field: PostbackField) -> tuple[str, ...]:
        """Returns the names of a field, in the order in which they are looked for."""
        own = self._own_names.get(field)
        return USUAL_NAMES[field] if own is None else (own,)


def take_first_id(
    parameters: Parameters, names: Sequence[str], read: fields.Reader = fields.identifier
) -> str | None:
    """Takes the first of these fields that was sent and is no placeholder."""
    for name in names:
        value = take_id(parameters, read, name)
        if value is not None:
            return value
    return None


def take_payout(parameters: Parameters, names: Sequence[str]) -> str | None:
    """Takes the first amount that is no placeholder; what was not stored as sent is kept.

    Raises MalformedField.
    """
    for name in names:
        value = parameters.take(name)
        if value is None:
            continue
        if is_placeholder(value):
            parameters.leave(name, value, UnreadReason.MACRO)
            continue
        text = trimmed(value)
        plain = text.replace(",", ".") if _COMMA.fullmatch(text) else text
        amount = fields.exact_amount(name, plain)
        if plain != text or not fields.is_as_sent(amount, plain):
            parameters.put_back(name, value)
        return amount
    return None
