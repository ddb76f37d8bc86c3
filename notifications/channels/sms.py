"""SMS by Twilio's Messages resource (https://www.twilio.com/docs/messaging/api/message-resource).

Traps: there is no idempotency key, so a lost answer may be a second SMS. Twilio warns that it keeps splitting its error
codes: a code that is not listed here refuses the message and never blames the number. Its error texts repeat the
number, so only codes are kept. The region switch (21408) and trial accounts (21608) are a policy, not a fault of ours
that will soon be repaired: the next channel takes over at once.
"""

from typing import TYPE_CHECKING

from django.conf import settings
from django.urls import reverse

from lockbay.http import Response
from notifications.channels.base import (
    Accepted,
    AddressDead,
    ChannelAdapter,
    ChannelError,
    ChannelUnavailable,
    Uncertain,
)
from notifications.channels.wire import json_of, post, refusal_of, retry_after_of

if TYPE_CHECKING:
    from notifications.rendering import Rendered

# https://www.twilio.com/docs/api/errors: invalid, unsubscribed, not mobile, short code, landline, premium number.
_NUMBER_IS_DEAD = frozenset({21211, 21217, 21265, 21610, 21614, 21635})
# Keys, sender or account of ours; and queues that are full.
_TRY_LATER = frozenset({14107, 20003, 20005, 20008, 20429, 21212, 21603, 21606, 21611, 21659, 21660, 21703})
_NOT_SENT = frozenset({"failed", "undelivered", "canceled"})


class Sms(ChannelAdapter):
    """Sends the short form of a message to an E.164 number."""

    name = "sms"

    def send(self, rendered: "Rendered", address: str, *, message_key: str) -> Accepted:
        """See ChannelAdapter. Twilio takes no key of ours."""
        account = settings.TWILIO_ACCOUNT_SID
        response = post(
            f"{settings.TWILIO_API_URL}/2010-04-01/Accounts/{account}/Messages.json",
            auth=(account, settings.TWILIO_AUTH_TOKEN),
            data={"To": address, "Body": rendered.text, **_sender(), **_callback()},
        )
        body = json_of(response)
        if response.status_code >= 300:
            raise _read_refusal(response, body.get("code"))
        sid, status = body.get("sid"), body.get("status")
        if not isinstance(sid, str) or not sid:
            raise Uncertain(f"{response.status_code} without a sid")
        if status in _NOT_SENT:
            raise _read_refusal(response, body.get("error_code"), may_be_taken=False)
        return Accepted(sid)

    def required_settings(self) -> dict[str, str]:
        """See ChannelAdapter."""
        return {
            "TWILIO_ACCOUNT_SID": settings.TWILIO_ACCOUNT_SID,
            "TWILIO_AUTH_TOKEN": settings.TWILIO_AUTH_TOKEN,
            "TWILIO_SENDER": settings.TWILIO_SENDER,
        }


def _sender() -> dict[str, str]:
    """A messaging service's id begins with MG; anything else is a number or a name."""
    name = "MessagingServiceSid" if settings.TWILIO_SENDER.startswith("MG") else "From"
    return {name: settings.TWILIO_SENDER}


def _callback() -> dict[str, str]:
    """Where Twilio reports what became of the message (notifications/webhooks.py)."""
    if not settings.TWILIO_REPORTS:
        return {}
    return {"StatusCallback": f"{settings.PUBLIC_URL}{reverse('notifications:sms_reports')}"}


def _read_refusal(response: Response, code: object, *, may_be_taken: bool = True) -> ChannelError:
    reason = f"twilio {response.status_code} {code if isinstance(code, int) else ''}".strip()
    if code in _NUMBER_IS_DEAD:
        return AddressDead(reason)
    if code in _TRY_LATER:
        return ChannelUnavailable(reason, retry_after=retry_after_of(response))
    if not may_be_taken:
        return ChannelUnavailable(reason)
    return refusal_of(response, f"twilio {code}" if isinstance(code, int) else "twilio")
