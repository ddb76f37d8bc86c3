"""Posts to the web process and to the bot, off the event loop, through the house's one door to HTTP."""

import asyncio

from lockbay import http


async def post(url: str, body: bytes, headers: dict[str, str]) -> int:
    """The HTTP status of the answer, 0 when nobody answered."""
    return await asyncio.to_thread(_post, url, body, headers)


def _post(url: str, body: bytes, headers: dict[str, str]) -> int:
    try:
        return http.request("POST", url, content=body, headers=headers).status_code
    except http.HTTPError:
        return 0
