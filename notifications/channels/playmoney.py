"""Phones of the sandbox: what would go out by SMS or WhatsApp lies in the mailbox of its page, beside the e-mails.

Nothing here reaches a person. The number stands where the address of a mail does.
"""

from typing import TYPE_CHECKING

from django.core.mail import EmailMessage

from lockbay.http import refuse_inside_transaction
from notifications.channels.base import Accepted, ChannelAdapter

if TYPE_CHECKING:
    from notifications.rendering import Rendered


class SandboxPhone(ChannelAdapter):
    """Takes everything."""

    def __init__(self, name: str) -> None:
        self.name = name

    def send(self, rendered: "Rendered", address: str, *, message_key: str) -> Accepted:
        """See ChannelAdapter."""
        refuse_inside_transaction()
        EmailMessage(rendered.subject, rendered.text, to=[f"{address}@{self.name}.sandbox"]).send()
        return Accepted(f"{self.name}-{message_key}")

    def required_settings(self) -> dict[str, str]:
        """None."""
        return {}
