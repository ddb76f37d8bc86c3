"""Refusals of this room.

NotificationRefusal
├── NotResendable          the delivery is on its way, or arrived
├── ReasonMissing          staff must say why
├── ChannelNotOffered      this installation cannot send there
├── AddressMalformed       not an e-mail address, or not a phone number
├── AddressTaken           proved by somebody else
├── TooSoonForAnotherCode  `wait` says how long
├── TooManyCodes           enough for today
├── CodeExpired            no code is open, or it is too old, or it was tried too often
├── IncidentNotTheirs      staff with the right to take on incidents
├── WouldBeSilent          money and security must reach the person somehow
└── CodeWrong              `tries_left` says how many more
"""

from datetime import timedelta


class NotificationRefusal(Exception):
    """Expected: the person is told; nothing changed."""


class NotResendable(NotificationRefusal):
    """`state` is the state that forbids it."""

    def __init__(self, state: str) -> None:
        super().__init__(state)
        self.state = state


class ReasonMissing(NotificationRefusal):
    """Staff must write down why."""


class ChannelNotOffered(NotificationRefusal):
    """This installation has no keys for that channel."""


class AddressMalformed(NotificationRefusal):
    """Not an e-mail address, or (`reason` "phone") not a phone number with its country code."""

    def __init__(self, reason: str = "email") -> None:
        super().__init__(reason)
        self.reason = reason


class AddressTaken(NotificationRefusal):
    """Another account has proved that this address is theirs."""


class TooSoonForAnotherCode(NotificationRefusal):
    """A code was sent a moment ago; `wait` is the time until another may be asked for."""

    def __init__(self, wait: timedelta) -> None:
        super().__init__(wait)
        self.wait = wait


class TooManyCodes(NotificationRefusal):
    """Enough codes for today, to this number or for this person."""


class CodeExpired(NotificationRefusal):
    """No code is open for this person, or it is too old, or it was tried too often."""


class CodeWrong(NotificationRefusal):
    """`tries_left` more tries are allowed."""

    def __init__(self, tries_left: int) -> None:
        super().__init__(tries_left)
        self.tries_left = tries_left


class WouldBeSilent(NotificationRefusal):
    """Messages about money and security need one channel that is on."""


class IncidentNotTheirs(NotificationRefusal):
    """Only staff who may change incidents take them on and close them."""


class ReportRefused(Exception):
    """A call of a channel's webhook that changes nothing; its sender is told."""


class ReportUnproven(ReportRefused):
    """Nothing proves that it comes from the provider."""


class ReportMalformed(ReportRefused):
    """Proved, or provable by nobody, and not in the provider's form."""
