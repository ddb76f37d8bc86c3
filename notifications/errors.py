"""Refusals of this room.

NotificationRefusal
├── NotResendable          the delivery is on its way, or arrived
├── ReasonMissing          staff must say why
├── AddressMalformed       not an e-mail address
├── AddressTaken           proved by somebody else
├── TooSoonForAnotherCode  `wait` says how long
├── CodeExpired            no code is open, or it is too old, or it was tried too often
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


class AddressMalformed(NotificationRefusal):
    """Not an e-mail address."""


class AddressTaken(NotificationRefusal):
    """Another account has proved that this address is theirs."""


class TooSoonForAnotherCode(NotificationRefusal):
    """A code was sent a moment ago; `wait` is the time until another may be asked for."""

    def __init__(self, wait: timedelta) -> None:
        super().__init__(wait)
        self.wait = wait


class CodeExpired(NotificationRefusal):
    """No code is open for this person, or it is too old, or it was tried too often."""


class CodeWrong(NotificationRefusal):
    """`tries_left` more tries are allowed."""

    def __init__(self, tries_left: int) -> None:
        super().__init__(tries_left)
        self.tries_left = tries_left
