"""WhatsApp by Meta's Cloud API (https://developers.facebook.com/docs/whatsapp/cloud-api).

We speak first, so every message is an approved template: one "utility" template whose body is our text as its only
parameter, and one "authentication" template for codes (Meta approves no other kind for them), which also carries the
code in its copy button. Traps: a parameter with a new line, a tab or more than four spaces in a row is refused
(132018); errors are told by `code`, not by HTTP status, and their texts may repeat the number; there is no idempotency
key; "accepted" is not "delivered".
"""

from typing import TYPE_CHECKING, Any

from django.conf import settings

from lockbay.http import Response
from notifications.channels.base import (
    Accepted,
    AddressDead,
    ChannelAdapter,
    ChannelError,
    ChannelUnavailable,
    Rejected,
    Uncertain,
)
from notifications.channels.wire import json_of, post, refusal_of, retry_after_of

if TYPE_CHECKING:
    from notifications.rendering import Rendered

# https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes
_NUMBER_IS_DEAD = frozenset({131026})  # not on WhatsApp, or cannot be reached there
# Throughput, one pair's rate, spam limit, account limits; and Meta's own troubles.
_TRY_LATER = frozenset({1, 2, 4, 80007, 130429, 131000, 131016, 131048, 131056, 131057, 133004, 133016})
# Token, permissions, a blocked or unpaid account, a number that is not registered: once repaired it goes out.
_OURS_TO_REPAIR = frozenset({0, 3, 10, 33, 190, 368, 131005, 131031, 131042, 131045, 133010, *range(200, 300)})
# The template or its parameter; outside the 24 hours; a person's own limits. The number may be fine.
_REFUSED = frozenset(
    {100, 130472, 131008, 131009, 131021, 131030, 131047, 131049, 131050, 131051}
    | {132000, 132001, 132005, 132007, 132012, 132015, 132016, 132018}
)


class WhatsApp(ChannelAdapter):
    """Sends the short form of a message, inside a template, to an E.164 number."""

    name = "whatsapp"

    def send(self, rendered: "Rendered", address: str, *, message_key: str) -> Accepted:
        """See ChannelAdapter. The key comes back in the channel's own callbacks."""
        response = post(
            f"{settings.WHATSAPP_API_URL}/{settings.WHATSAPP_PHONE_NUMBER_ID}/messages",
            headers={"Authorization": f"Bearer {settings.WHATSAPP_ACCESS_TOKEN}"},
            json={
                "messaging_product": "whatsapp",
                "recipient_type": "individual",
                "to": address.removeprefix("+"),
                "type": "template",
                "template": _template_of(rendered),
                "biz_opaque_callback_data": message_key,
            },
        )
        body = json_of(response)
        if response.status_code >= 300 or "error" in body:
            raise _read_refusal(response, body)
        messages = body.get("messages")
        first = messages[0] if isinstance(messages, list) and messages else None
        message_id = first.get("id") if isinstance(first, dict) else None
        if not isinstance(message_id, str) or not message_id:
            raise Uncertain(f"whatsapp {response.status_code} without an id")
        return Accepted(message_id)

    def required_settings(self) -> dict[str, str]:
        """See ChannelAdapter."""
        return {
            "WHATSAPP_PHONE_NUMBER_ID": settings.WHATSAPP_PHONE_NUMBER_ID,
            "WHATSAPP_ACCESS_TOKEN": settings.WHATSAPP_ACCESS_TOKEN,
            "WHATSAPP_TEMPLATE": settings.WHATSAPP_TEMPLATE,
            "WHATSAPP_CODE_TEMPLATE": settings.WHATSAPP_CODE_TEMPLATE,
        }


def _template_of(rendered: "Rendered") -> dict[str, Any]:
    language = {"code": settings.WHATSAPP_TEMPLATE_LANGUAGE}
    if rendered.code:
        parameters = [{"type": "text", "text": rendered.code}]
        button = {"type": "button", "sub_type": "url", "index": "0", "parameters": parameters}
        components = [{"type": "body", "parameters": parameters}, button]
        return {"name": settings.WHATSAPP_CODE_TEMPLATE, "language": language, "components": components}
    body = {"type": "body", "parameters": [{"type": "text", "text": one_line(rendered.text)}]}
    return {"name": settings.WHATSAPP_TEMPLATE, "language": language, "components": [body]}


def one_line(text: str) -> str:
    """The text without new lines, tabs and runs of spaces, its lines still told apart."""
    return " • ".join(" ".join(line.split()) for line in text.splitlines() if line.strip())


def _read_refusal(response: Response, body: dict[str, Any]) -> ChannelError:
    error = body.get("error")
    code = error.get("code") if isinstance(error, dict) else None
    reason = f"whatsapp {response.status_code} {code if isinstance(code, int) else ''}".strip()
    if code in _NUMBER_IS_DEAD:
        return AddressDead(reason)
    if code in _TRY_LATER or code in _OURS_TO_REPAIR:
        return ChannelUnavailable(reason, retry_after=retry_after_of(response))
    if code in _REFUSED:
        return Rejected(reason)
    return refusal_of(response, f"whatsapp {code}" if isinstance(code, int) else "whatsapp")
