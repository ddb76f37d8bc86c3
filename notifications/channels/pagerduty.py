"""PagerDuty by its Events API v2 (https://developer.pagerduty.com/docs/events-api-v2/overview/).

A trigger with the same `dedup_key` never opens a second incident, so a lost answer is asked again. 400 says that the
event is wrong and must not be sent again; when it is the routing key that is wrong, nothing will be taken at all.
What staff did about an incident is told by the same key, so that nobody is called about it any more.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.conf import settings

from lockbay.http import Response
from notifications.channels.base import (
    Accepted,
    AddressDead,
    ChannelAdapter,
    ChannelError,
    ChannelUnavailable,
    Uncertain,
)
from notifications.channels.wire import json_of, post, refusal_of

if TYPE_CHECKING:
    from notifications.rendering import Rendered

_SUMMARY_LONGEST, _KEY_LONGEST = 1024, 255
# The messages that are no new call: what PagerDuty is to do with the one it has.
ACTIONS: Mapping[str, str] = {"staff_incident_acknowledged": "acknowledge", "staff_incident_closed": "resolve"}


class PagerDuty(ChannelAdapter):
    """Wakes whoever is on call; the delivery's own address is not used."""

    name = "pagerduty"
    deduplicates = True

    def send(self, rendered: "Rendered", address: str, *, message_key: str) -> Accepted:
        """See ChannelAdapter. The key is told apart by our own address: installations may share a routing key."""
        source = urlsplit(settings.PUBLIC_URL).hostname or "lockbay"
        action = ACTIONS.get(rendered.template, "trigger")
        event = {
            "routing_key": settings.PAGERDUTY_ROUTING_KEY,
            "event_action": action,
            "dedup_key": f"{source}/{message_key}"[:_KEY_LONGEST],
            **(_call(rendered, source) if action == "trigger" else {}),
        }
        try:
            response = post(f"{settings.PAGERDUTY_API_URL}/v2/enqueue", json=event)
        except Uncertain as error:
            raise ChannelUnavailable(str(error)) from error
        body = json_of(response)
        if response.status_code == 202 and body.get("status") == "success":
            return Accepted(str(body.get("dedup_key") or event["dedup_key"]))
        raise _read_refusal(response, body)

    def required_settings(self) -> dict[str, str]:
        """See ChannelAdapter."""
        return {"PAGERDUTY_ROUTING_KEY": settings.PAGERDUTY_ROUTING_KEY}


def _call(rendered: "Rendered", source: str) -> dict[str, Any]:
    return {
        "client": "LockBay",
        "client_url": rendered.link,
        "payload": {
            "summary": rendered.subject[:_SUMMARY_LONGEST],
            "source": source,
            "severity": "critical",
            "class": rendered.template,
            "custom_details": {"message": rendered.text},
        },
    }


def _read_refusal(response: Response, body: dict[str, Any]) -> ChannelError:
    errors = body.get("errors")
    if response.status_code == 400 and "routing_key" in str(errors):
        return AddressDead("pagerduty 400 routing key")
    refusal = refusal_of(response, "pagerduty")
    return ChannelUnavailable(str(refusal)) if isinstance(refusal, Uncertain) else refusal
