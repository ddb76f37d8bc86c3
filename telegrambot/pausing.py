"""Waiting that a stop cuts short."""

import asyncio


async def wait_for_event(event: asyncio.Event, seconds: float) -> bool:
    """Waits until `event` is set, `seconds` at most; True when it was set."""
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return False
    return True
