"""Lists the fields of a network's postback that a link may name in its own way."""

from enum import StrEnum


class PostbackField(StrEnum):
    """A field of a conversion that networks send under names of their own."""

    CLICK_ID = "click_id"
    AMOUNT = "amount"
    CURRENCY = "currency"
    STATUS = "status"
    TRANSACTION_ID = "transaction_id"
    EVENT_ID = "event_id"
