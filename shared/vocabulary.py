"""Enums that the workers write and the console reads.

Their values are stored in PostgreSQL or are labels of metrics, so a value is never renamed.
"""

from enum import StrEnum


class Rule(StrEnum):
    """The rule by which a click was matched to a user, strongest first."""

    CLICK_ID = "click_id"  # the user carries the click's id
    DEVICE_ID = "device_id"  # user and click share a device id
    ADDRESS_AND_DEVICE = "address_and_device"  # same public address, devices that may be one
    VIEW_DEVICE_ID = "view_device_id"  # user and impression share a device id
    VIEW_ADDRESS_AND_DEVICE = "view_address_and_device"  # as for a click, of an impression
    ORGANIC = "organic"  # nothing matched


class Lost(StrEnum):
    """The reason why a click that matches the user was not credited."""

    EARLIER = "earlier"  # a later click matched by the same rule
    LARGER_ID = "larger_id"  # one of the same millisecond, by the same rule, has the smaller id
    LESS_CERTAIN = "less_certain"  # another one matched by the same rule with more certainty
    CROWDED = "crowded_address"  # only the platform matches, with many devices behind the address
    WEAKER_RULE = "weaker_rule"  # another click matched by a rule that comes first
    OUTSIDE_WINDOW = "outside_window"  # too old for the rule that matches it
    NO_SOURCE = "no_source"  # it belongs to no link and names no source
    # Stored by versions before last touch: read, and never decided any more.
    SAME_SOURCE = "same_source"
    USED_UP = "used_up"  # it would have won, but was credited to another user before
    BEFORE_STANDING = "before_standing"  # reattribution: older than the attribution in force


class Certainty(StrEnum):
    """The certainty of a match by address and device, by what was found to be the same."""

    HIGH = "high"  # the model
    MEDIUM = "medium"  # the version of the system
    LOW = "low"  # no more than the platform, behind an address with few devices


class DrainOutcome(StrEnum):
    """The result of draining an event, as the metrics label it."""

    RECORDED = "recorded"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"
    QUARANTINED = "quarantined"


class CallbackOutcome(StrEnum):
    """The result of an attempt at a callback, as the metrics label it."""

    DELIVERED = "delivered"
    ANSWERED = "answered"  # with another status, or without the text that it must contain
    UNANSWERED = "unanswered"
    REFUSED = "refused"  # by Waybill, because of the address


class QuarantineReason(StrEnum):
    """The reason why an event or a batch is in quarantine."""

    REFUSED_BY_DATABASE = "refused_by_database"  # it breaks a rule of the tables
    KILLED_WORKER = "killed_worker"  # a worker died each time it was tried
    UNREADABLE = "unreadable"  # the batch cannot be decoded


class AccessEvent(StrEnum):
    """The events at the door of the console."""

    SIGN_IN = "sign_in"
    WRONG_PASSWORD = "wrong_password"  # noqa: S105 - the name of an event
    WRONG_CODE = "wrong_code"  # of the second step
    PROVIDER_REFUSED = "provider_refused"  # a sign-in by the identity provider
    LOCK_OUT = "lock_out"  # too many attempts from one browser or network
    FORM_REFUSED = "form_refused"  # of another site or another session
    KEY_USE = "key_use"
    KEY_REFUSED = "key_refused"  # unknown, revoked, or not for this call
