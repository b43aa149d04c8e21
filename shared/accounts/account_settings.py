"""Declares the settings of the console's accounts; `shared.settings` reads them with all others."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from shared import setting_readers as readers
from shared.setting_sources import setting

AUDIT_DAYS_MAX = 36_500
OPTIONAL, REQUIRED = "optional", "required"
ON, OFF = "on", "off"
_OWN_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})


def is_safe_issuer(address: str) -> bool:
    """Tells whether nobody on the way can answer for this address: https, or this machine."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    is_own = parts.scheme == "http" and parts.hostname in _OWN_HOSTS
    return bool(parts.hostname) and (parts.scheme == "https" or is_own)


def read_issuer(value: str) -> str:
    """Reads the address of an identity provider as it writes it itself, or nothing."""
    issuer = value.strip()
    if issuer and (not is_safe_issuer(issuer) or {*"?#"} & {*issuer}):
        raise ValueError("must be an address such as https://id.example.com, without a query")
    return issuer


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
    oidc_issuer: str = setting(
        "WAYBILL_OIDC_ISSUER",
        read_issuer,
        "Identity provider (OpenID Connect) by which people sign in, exactly as it names itself. "
        "Its return address is WAYBILL_CONSOLE_URL with /sign-in/provider/return. Empty: none.",
        "",
    )
    oidc_client_id: str = setting(
        "WAYBILL_OIDC_CLIENT_ID", str.strip, "Name of this console at the identity provider.", ""
    )
    oidc_client_secret: str = setting(
        "WAYBILL_OIDC_CLIENT_SECRET",
        str.strip,
        "Secret of this console at the identity provider. Empty: it has none, and relies on PKCE.",
        "",
        secret=True,
    )
    oidc_name: str = setting(
        "WAYBILL_OIDC_NAME",
        str.strip,
        "Name of the identity provider on the sign-in page.",
        "single sign-on",
    )
    local_sign_in: str = setting(
        "WAYBILL_LOCAL_SIGN_IN",
        readers.one_of(ON, OFF),
        "off: people sign in by the identity provider alone, if there is one. One-time links, "
        "which an operator creates by `waybill admin link`, let in all the same.",
        ON,
    )

    uploads_bytes_max: int = setting(
        "WAYBILL_UPLOADS_BYTES_MAX",
        readers.count,
        "Maximum size of all uploaded files together that wait in PostgreSQL to be imported.",
        str(8 * 1024**3),
    )

    @property
    def has_provider(self) -> bool:
        """Tells whether people can sign in by an identity provider."""
        return bool(self.oidc_issuer and self.oidc_client_id)

    @property
    def takes_passwords(self) -> bool:
        """Tells whether people can sign in with a password."""
        return self.local_sign_in == ON or not self.has_provider
