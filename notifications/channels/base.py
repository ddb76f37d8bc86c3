"""What every channel answers: it accepted the message, or one of four ways in which it did not (N3).

ChannelError
├── ChannelUnavailable   not taken, try again (429, 5xx, no connection); `retry_after` seconds when the channel said so
├── AddressDead          this person cannot be reached here any more: the next channel, at once
├── Rejected             this message will never be taken here; the address may be fine
└── Uncertain            the answer was lost: it may have been taken
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Accepted:
    """The channel took the message. `provider_id` is its name for it."""

    provider_id: str = ""


class ChannelError(Exception):
    """The channel did not say that it took the message. The text is for staff and holds no message content."""


class ChannelUnavailable(ChannelError):
    """Surely not taken now; the same message may be taken later."""

    def __init__(self, reason: str, *, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


class AddressDead(ChannelError):
    """Blocked, bounced or invalid."""


class Rejected(ChannelError):
    """Refused for good because of the message itself."""


class Uncertain(ChannelError):
    """The connection was lost after the message may have been taken."""
