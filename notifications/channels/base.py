"""What every channel answers: it accepted the message, or one of four ways in which it did not (N3).

ChannelError
├── ChannelUnavailable   not taken, try again (429, 5xx, no connection); `retry_after` seconds when the channel said so
├── AddressDead          this person cannot be reached here any more: the next channel, at once
├── Rejected             this message will never be taken here; the address may be fine
└── Uncertain            the answer was lost: it may have been taken
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from notifications.rendering import Rendered


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


class ChannelAdapter(ABC):
    """One channel that the worker sends by. One class in one file; the contract is tested for all of them together.

    `deduplicates`: the channel itself drops a second copy with the same key, so a lost answer is simply asked again.
    """

    name: str
    deduplicates: ClassVar[bool] = False

    @abstractmethod
    def send(self, rendered: "Rendered", address: str, *, message_key: str) -> Accepted:
        """Hands over one message and returns when the channel accepted it.

        `message_key` is the same for every copy of a message. What the channel says about the message or the address
        stays out of the errors: their texts are logged.
        Raises: ChannelUnavailable, AddressDead, Rejected, Uncertain; NetworkInsideTransaction inside atomic().
        """

    @abstractmethod
    def required_settings(self) -> Mapping[str, str]:
        """The settings without which nothing can be sent, with their values."""

    def is_configured(self) -> bool:
        """Whether all of them are there."""
        return all(self.required_settings().values())
