"""Sends mail through the operator's server, by the standard library's client.

The address of the server is a setting of the installation, so it may be inside of its network; who
manages an app chooses the recipient and nothing else.
"""

import re
import smtplib
import ssl
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import formatdate
from urllib.parse import unquote, urlsplit
from uuid import UUID

from shared.alerts.messages import AlertMessage

MAIL_ADDRESS_CHARACTERS_MAX = 254  # RFC 5321
_PORTS = {"smtp": 25, "smtps": 465}
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@"
                      r"([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)*"
                      r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")  # fmt: skip


class MailFault(Exception):
    """A mail that was not sent. `is_final`: the server refuses it and always will."""

    def __init__(self, reason: str, *, is_final: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.is_final = is_final


@dataclass(frozen=True)
class MailServer:
    """The operator's mail server, and the address that mail comes from."""

    host: str
    port: int
    is_tls: bool  # from the first byte; otherwise STARTTLS where the server offers it
    sender: str
    user: str = ""
    password: str = field(default="", repr=False)


def mail_server(url: str, sender: str) -> MailServer | None:
    """Reads the settings of mail; None if there is no server."""
    if not url:
        return None
    parts = urlsplit(url)
    host = parts.hostname or ""
    return MailServer(
        host=host,
        port=parts.port or _PORTS[parts.scheme],
        is_tls=parts.scheme == "smtps",
        sender=sender or f"waybill@{host}",
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
    )


def is_mail_address(text: str) -> bool:
    """Tells whether a text is one plain address, without a name or a comment."""
    return len(text) <= MAIL_ADDRESS_CHARACTERS_MAX and _ADDRESS.fullmatch(text) is not None


def plain_mail(
    server: MailServer, recipient: str, message_id: UUID, subject: str, text: str
) -> EmailMessage:
    """Returns a mail of plain text. The standard library refuses line breaks in its headers."""
    mail = EmailMessage()
    mail["From"] = server.sender
    mail["To"] = recipient
    mail["Subject"] = f"[Waybill] {subject}"
    mail["Date"] = formatdate(usegmt=True)
    mail["Message-ID"] = f"<{message_id}@{server.sender.rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday answers
    mail.set_content(text, cte="quoted-printable")  # any server takes ASCII
    return mail


def alert_mail(server: MailServer, recipient: str, message: AlertMessage) -> EmailMessage:
    """Returns the mail of an alert."""
    return plain_mail(server, recipient, message.id, message.subject, message.text)


def send_mail(server: MailServer, mail: EmailMessage, seconds_max: float) -> None:
    """Sends a mail; each answer of the server may take so long. Raises MailFault."""
    try:
        with _opened(server, seconds_max) as smtp:
            if server.user:
                smtp.login(server.user, server.password)
            smtp.send_message(mail)
    except smtplib.SMTPResponseException as error:
        raise MailFault(
            f"the mail server answered {error.smtp_code}", is_final=error.smtp_code >= 500
        ) from None
    except smtplib.SMTPRecipientsRefused as error:
        code = max(code for code, _ in error.recipients.values())
        raise MailFault(
            f"the mail server refuses the recipient ({code})", is_final=code >= 500
        ) from None
    except ssl.SSLError as error:
        raise MailFault(f"TLS failed ({error.reason or 'no reason given'})") from None
    except TimeoutError:
        raise MailFault(f"the mail server did not answer within {seconds_max:g} s") from None
    except (smtplib.SMTPException, OSError) as error:
        raise MailFault(f"no mail server ({type(error).__name__})") from None


def _opened(server: MailServer, seconds_max: float) -> smtplib.SMTP:
    """Opens a session, encrypted where possible and always before a password is sent."""
    tls = ssl.create_default_context()
    if server.is_tls:
        return smtplib.SMTP_SSL(server.host, server.port, timeout=seconds_max, context=tls)
    smtp = smtplib.SMTP(server.host, server.port, timeout=seconds_max)
    try:
        smtp.ehlo_or_helo_if_needed()
        if smtp.has_extn("starttls"):
            smtp.starttls(context=tls)
        elif server.user:
            raise MailFault("the mail server offers no TLS, and gets no password without it")
    except BaseException:
        with suppress(OSError):
            smtp.close()
        raise
    return smtp
