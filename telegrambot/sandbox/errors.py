"""Refusals: what the Bot API, the provider and the page's own interface answer when they say no."""


class BotApiError(Exception):
    """A refusal of the Bot API, worded as Telegram words it.

    `parameters` is Telegram's ResponseParameters object, for instance {"retry_after": 3}.
    """

    def __init__(self, code: int, description: str, parameters: dict[str, int] | None = None) -> None:
        super().__init__(description)
        self.code = code
        self.description = description
        self.parameters = parameters


class BadRequest(BotApiError):
    """Answered with 400 and Telegram's prefix."""

    def __init__(self, reason: str) -> None:
        super().__init__(400, f"Bad Request: {reason}")


class SandboxRefusal(Exception):
    """A refusal of the provider's or the page's interface: an HTTP status and a code word."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
