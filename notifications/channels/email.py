"""E-mail through Django's mail API: anymail providers, SMTP, files or memory, chosen by EMAIL_BACKEND (N6).

SMTP codes: RFC 5321 §4.2. 550, 551 and 553 say that the mailbox is not there; other 5xx refuse the message; 4xx may be
tried again. Opening the connection is a step of its own, so that "never connected" is told from "the answer was lost".
"""

import smtplib
import time
from email.utils import parseaddr
from typing import TYPE_CHECKING, Any

from anymail.exceptions import AnymailConfigurationError, AnymailError, AnymailRecipientsRefused
from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection

from lockbay.http import refuse_inside_transaction
from notifications.channels.base import (
    Accepted,
    AddressDead,
    ChannelAdapter,
    ChannelError,
    ChannelUnavailable,
    Rejected,
    Uncertain,
)

if TYPE_CHECKING:
    from notifications.rendering import Rendered

_LONGEST_OPENING_SECONDS = 15.0  # then the rest could outlast the lease, and somebody else would send it too
_MAILBOX_IS_GONE = frozenset({550, 551, 553})
# Names from requests and urllib3, which are not imported here: the house has one HTTP library of its own.
_NEVER_CONNECTED = frozenset(
    {"NewConnectionError", "ConnectTimeout", "ConnectTimeoutError", "NameResolutionError", "ProxyError"}
)


class Email(ChannelAdapter):
    """Sends a whole page and its text twin."""

    name = "email"

    def send(self, rendered: "Rendered", address: str, *, message_key: str) -> Accepted:
        """See ChannelAdapter. The key becomes the Message-ID, so mail programs can hide a second copy."""
        refuse_inside_transaction()
        connection = get_connection()
        message_id = f"<{message_key}@{parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition('@')[2]}>"
        message = EmailMultiAlternatives(
            rendered.subject, rendered.text, to=[address], headers={"Message-ID": message_id}, connection=connection
        )
        message.attach_alternative(rendered.html, "text/html")
        _open(connection)
        try:
            connection.send_messages([message])
        except (OSError, smtplib.SMTPException, AnymailError) as error:
            raise read_mail_error(error) from error
        finally:
            _close(connection)
        status = getattr(message, "anymail_status", None)
        return Accepted(str((status and status.message_id) or message_id))

    def required_settings(self) -> dict[str, str]:
        """See ChannelAdapter. What another provider of anymail needs is for anymail to say."""
        if settings.EMAIL_BACKEND != "anymail.backends.brevo.EmailBackend":
            return {"EMAIL_BACKEND": settings.EMAIL_BACKEND}
        return {"BREVO_API_KEY": str(settings.ANYMAIL.get("BREVO_API_KEY", ""))}


def read_mail_error(error: Exception) -> ChannelError:
    """The channel's answer that an exception of a mail backend stands for."""
    reason = _name(error)
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code = max((code for code, _text in error.recipients.values()), default=451)
        return _read_code(code, f"{reason} {code}")
    if isinstance(error, smtplib.SMTPResponseException):
        code = error.smtp_code
        # The sender or the content was refused here: a 550 is not about the recipient.
        return ChannelUnavailable(f"{reason} {code}") if code < 500 else Rejected(f"{reason} {code}")
    if isinstance(error, AnymailRecipientsRefused):
        return AddressDead(reason)
    if isinstance(error, AnymailConfigurationError) or _was_never_connected(error):
        return ChannelUnavailable(reason)
    if isinstance(error, AnymailError):
        return _read_api_error(error, reason)
    return Uncertain(reason)  # the server hung up or hung after the message was under way


def _read_code(code: int, reason: str) -> ChannelError:
    if code in _MAILBOX_IS_GONE:
        return AddressDead(reason)
    return ChannelUnavailable(reason) if code < 500 else Rejected(reason)


def _read_api_error(error: AnymailError, reason: str) -> ChannelError:
    code = error.status_code
    if code is None:
        return Uncertain(reason)
    if code == 429 or code >= 500 or code in (401, 402, 403):  # keys and credit are ours to repair, then it goes out
        return ChannelUnavailable(f"{reason} {code}", retry_after=_retry_after(error))
    return Uncertain(f"{reason} {code}") if code < 300 else Rejected(f"{reason} {code}")


def _retry_after(error: AnymailError) -> float | None:
    text = getattr(error.response, "headers", {}).get("Retry-After", "")
    return float(text) if text.isdigit() else None


def _was_never_connected(error: BaseException) -> bool:
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, ConnectionRefusedError) or type(one).__name__ in _NEVER_CONNECTED:
            return True
        waiting += [one.__cause__, one.__context__, getattr(one, "reason", None)]
        waiting += [argument for argument in one.args if isinstance(argument, BaseException)]
    return False


def _open(connection: Any) -> None:
    began = time.monotonic()
    try:
        connection.open()
    except (OSError, smtplib.SMTPException, AnymailError) as error:
        raise ChannelUnavailable(_name(error)) from error
    if time.monotonic() - began > _LONGEST_OPENING_SECONDS:
        _close(connection)
        raise ChannelUnavailable("slow to open")


def _close(connection: object) -> None:
    try:
        connection.close()  # type: ignore[attr-defined]
    except (OSError, smtplib.SMTPException):
        # The message has its verdict already; a server that is rude at goodbye does not change it.
        return


def _name(error: Exception) -> str:
    return type(error).__name__
