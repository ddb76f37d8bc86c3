"""The channels that the worker sends by. Telegram is not among them: the bot's own process sends there.

A further channel is one file and one line here; docs/adding-a-channel.md is the list of what belongs to it.
"""

from django.conf import settings

from notifications.channels.base import ChannelAdapter
from notifications.channels.email import Email
from notifications.channels.pagerduty import PagerDuty
from notifications.channels.playmoney import SandboxPhone
from notifications.channels.slack import Slack
from notifications.channels.sms import Sms
from notifications.channels.whatsapp import WhatsApp


def _phones() -> tuple[ChannelAdapter, ...]:
    if settings.SANDBOX:
        return SandboxPhone("sms"), SandboxPhone("whatsapp")
    return Sms(), WhatsApp()


ADAPTERS: dict[str, ChannelAdapter] = {adapter.name: adapter for adapter in (Email(), *_phones(), Slack(), PagerDuty())}
STAFF_CHANNELS = ("slack", "pagerduty")  # besides e-mail, which staff always get


def deduplicates(name: str) -> bool:
    """Whether a channel makes one message of all copies: there it never matters that an answer was lost."""
    return name in ADAPTERS and ADAPTERS[name].deduplicates


def channel_of(name: str) -> ChannelAdapter:
    """The adapter of a channel. Raises: KeyError for one that the worker does not serve."""
    return ADAPTERS[name]
