"""Mail backends that play a server: one that takes everything, and ones that answer as bad servers do."""

import smtplib
from typing import Any, ClassVar

from django.core.mail.backends.base import BaseEmailBackend


class Scripted(BaseEmailBackend):
    """Raises what the script says, in turn, then takes everything. `taken` is what the server has accepted."""

    script: ClassVar[list[Any]] = []
    taken: ClassVar[list[Any]] = []

    def open(self) -> bool:
        if self.script and isinstance(self.script[0], Refusal):
            self.script.pop(0)
            raise ConnectionRefusedError("nobody listens")
        return True

    def send_messages(self, messages: Any) -> int:
        answer = self.script.pop(0) if self.script else None
        if isinstance(answer, CutAfter):
            self.taken.extend(messages)
            raise smtplib.SMTPServerDisconnected("Connection unexpectedly closed")
        if isinstance(answer, Exception):
            raise answer
        self.taken.extend(messages)
        return len(messages)


class Refusal:
    """No connection."""


class CutAfter:
    """The server took the message; its answer was lost."""
