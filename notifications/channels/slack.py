"""Slack by an incoming webhook (https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks).

Chosen over chat.postMessage because a webhook can do one thing: write into the one room that it was made for. It needs
no token and no scopes, and who steals its address can read nothing. The price: no id comes back. Success is 200 with
the plain text "ok"; errors are plain words. The address is the secret and stays out of every error and log line.
"""

from typing import TYPE_CHECKING

from django.conf import settings

from lockbay.http import Response
from notifications.channels.base import Accepted, AddressDead, ChannelAdapter, ChannelError, Uncertain
from notifications.channels.wire import post, refusal_of

if TYPE_CHECKING:
    from notifications.rendering import Rendered

_ROOM_IS_GONE = frozenset(
    {"action_prohibited", "channel_is_archived", "channel_not_found", "no_service", "no_team", "user_not_found"}
)
_SPECIAL = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


class Slack(ChannelAdapter):
    """Writes to the staff's room; the delivery's own address is not used."""

    name = "slack"

    def send(self, rendered: "Rendered", address: str, *, message_key: str) -> Accepted:
        """See ChannelAdapter. Texts of strangers mention nobody and format nothing."""
        message = {"text": rendered.text.translate(_SPECIAL), "mrkdwn": False, "unfurl_links": False}
        response = post(settings.SLACK_WEBHOOK_URL, json=message)
        if response.status_code != 200:
            raise _read_refusal(response)
        if response.text.strip() != "ok":
            raise Uncertain("slack 200 without ok")
        return Accepted()

    def required_settings(self) -> dict[str, str]:
        """See ChannelAdapter."""
        return {"SLACK_WEBHOOK_URL": settings.SLACK_WEBHOOK_URL}


def _read_refusal(response: Response) -> ChannelError:
    word = response.text.strip()
    if word in _ROOM_IS_GONE:
        return AddressDead(f"slack {response.status_code} {word}")
    return refusal_of(response, "slack")
