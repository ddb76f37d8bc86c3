"""The virtual clock as the sandbox sees it: real time plus an offset that all of LockBay's processes share."""

from datetime import UTC, datetime, timedelta

from .config import SandboxConfig


class VirtualClock:
    """Caches the offset, because every message asks for the time."""

    def __init__(self, config: SandboxConfig) -> None:
        self._read = config.read_offset
        self._advance = config.advance_clock
        self.offset = 0

    async def refresh(self) -> bool:
        """Reads the shared offset again; True when it moved."""
        if self._read is None:
            return False
        before, self.offset = self.offset, await self._read()
        return before != self.offset

    async def advance(self, seconds: int) -> None:
        """Moves the clock of every process forward."""
        if self._advance is None:
            self.offset += seconds
            return
        await self._advance(seconds)
        await self.refresh()

    def now(self) -> datetime:
        """The virtual time, aware, in UTC."""
        return datetime.now(UTC) + timedelta(seconds=self.offset)

    def timestamp(self) -> int:
        """The virtual time in whole seconds since 1970, as Telegram dates messages."""
        return int(self.now().timestamp())

    def iso(self) -> str:
        """The virtual time as ISO 8601 with a Z."""
        return self.now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
