"""Declares the settings of the console's accounts; `shared.settings` reads them with all others."""

from dataclasses import dataclass

from shared import setting_readers as readers
from shared.setting_sources import setting

AUDIT_DAYS_MAX = 36_500
OPTIONAL, REQUIRED = "optional", "required"


@dataclass(frozen=True, kw_only=True)
class AccountSettings:
    """The settings of accounts and of what they leave behind."""

    audit_days_min: int = setting(
        "WAYBILL_AUDIT_DAYS_MIN",
        readers.between(0, AUDIT_DAYS_MAX),
        "Minimum time for which an entry of the audit log is kept. 0: for good.",
        "0",
    )
    second_factor: str = setting(
        "WAYBILL_SECOND_FACTOR",
        readers.one_of(OPTIONAL, REQUIRED),
        "optional: everybody may set up a second step of signing in. required: whoever signs in "
        "with a password has to, before they see anything.",
        OPTIONAL,
    )
