"""What the sandbox is told when it starts."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

TEMPLATES_FOLDER = Path(__file__).resolve().parents[2] / "templates" / "sandbox"
STATIC_FOLDER = Path(__file__).resolve().parent / "static"

ReadOffset = Callable[[], Awaitable[int]]
AdvanceClock = Callable[[int], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class SandboxConfig:
    """Everything the sandbox needs to know; no setting is read anywhere else.

    `read_offset` answers by how many seconds the virtual clock is ahead of real time, `advance_clock` moves it
    forward. Without them the sandbox keeps a clock of its own, which is enough for tests.
    `state_path` is the file the chats are kept in; without it nothing outlives the process.
    """

    token: str
    bot_username: str
    api_key: str
    webhook_secret: str
    public_url: str = "http://127.0.0.1:8000"
    sandbox_url: str = "http://127.0.0.1:8081"
    state_path: Path | None = None
    email_folder: Path | None = None
    read_offset: ReadOffset | None = None
    advance_clock: AdvanceClock | None = None
    confirm_after_seconds: float = 2.0
    staff_chat_id: int = 0  # of the staff's group; 0: there is none
    staff_member_id: int = 0  # who presses in it, unless somebody else is named

    @property
    def bot_id(self) -> int:
        """The bot's own Telegram id: the part of the token before the colon."""
        return int(self.token.partition(":")[0])
