"""Checks and shows where people have messages sent: to an address of mail, or to a webhook."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from console.validation import clean_text
from shared.alerts.mail import is_mail_address
from shared.callbacks.masking import masked_url
from shared.callbacks.templates import URL_CHARACTERS_MAX, url_fault
from shared.errors import BadValue, OperatorError

NAME_CHARACTERS_MAX = 100
_MAIL = "mail"  # in every list of channels


@dataclass(frozen=True)
class TargetRules:
    """What differs between the kinds of targets.

    `channels` are those to choose from, `kind` names what has a target, with its article, and
    `content` says why its URL needs no macros.
    """

    channels: type[StrEnum]
    kind: str
    content: str


def check_target(
    rules: TargetRules, name: str, channel: str, target: str, taken: Iterable[str]
) -> tuple[str, str]:
    """Returns a name that nothing else of the app has, and a target that fits its channel.

    Raises BadValue, and OperatorError for a name that is taken.
    """
    if channel not in set(rules.channels):
        raise BadValue("channel", f"must be one of {', '.join(rules.channels)}.")
    target = clean_text("target", target, URL_CHARACTERS_MAX)
    if channel == _MAIL:
        if not is_mail_address(target):
            raise BadValue("target", "must be one address of mail, such as ada@example.com.")
    elif fault := url_fault(target):
        raise BadValue("target", fault)
    elif "{" in target:
        raise BadValue("target", f"must be without macros: {rules.content}.")
    name = clean_text("name", name, NAME_CHARACTERS_MAX)
    if name in set(taken):
        raise OperatorError(f"The app has {rules.kind} of this name. Choose another name.")
    return name, target


def shown_target(channel: str, target: str) -> str:
    """Returns a target without the secrets that a URL may have."""
    return target if channel == _MAIL else masked_url(target)
