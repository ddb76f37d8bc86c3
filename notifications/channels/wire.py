"""One HTTP call of a channel, and what its transport and its status say before anybody reads the body.

A gateway that answers 502 or 504 may have passed the message on: that is a lost answer, not a refusal.
"""

from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any

from lockbay import clock, http
from notifications.channels.base import ChannelError, ChannelUnavailable, Rejected, Uncertain

_WHOLE_ANSWER_SECONDS = 20.0  # with connecting and sending it stays below a try's lease
_LONGEST_ANSWER_BYTES = 262_144
_LONGEST_PAUSE_SECONDS = 3600.0  # a channel that names a longer one is asked again after this
_OURS_TO_REPAIR = frozenset({401, 402, 403, 407})  # keys and credit: once repaired, the same message goes out
_MAY_BE_PASSED_ON = frozenset({502, 504})


def post(url: str, **options: Any) -> http.Response:
    """Sends one POST and returns the answer, whatever its status.

    Raises: ChannelUnavailable when nothing left this machine, Uncertain when the answer was lost.
    """
    try:
        return http.request_bounded(
            "POST", url, seconds=_WHOLE_ANSWER_SECONDS, most_bytes=_LONGEST_ANSWER_BYTES, **options
        )
    except (*http.NEVER_CONNECTED, http.InvalidURL) as error:
        raise ChannelUnavailable(type(error).__name__) from error
    except http.HTTPError as error:
        raise Uncertain(type(error).__name__) from error


def json_of(response: http.Response) -> dict[str, Any]:
    """The body as an object; {} when it is none."""
    try:
        body = response.json()
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


def refusal_of(response: http.Response, detail: object = "") -> ChannelError:
    """What an answer that is no success means by its status alone. `detail` is the channel's own code."""
    status = response.status_code
    reason = f"{status} {detail}".strip()
    if status in _MAY_BE_PASSED_ON or status < 400:
        return Uncertain(reason)
    if status in (408, 425, 429) or status >= 500 or status in _OURS_TO_REPAIR:
        return ChannelUnavailable(reason, retry_after=retry_after_of(response))
    return Rejected(reason)


def retry_after_of(response: http.Response) -> float | None:
    """The pause in seconds that the channel asks for; None when it names none that can be read."""
    text = response.headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), _LONGEST_PAUSE_SECONDS)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    seconds = (moment.replace(tzinfo=moment.tzinfo or UTC) - clock.real_now()).total_seconds()
    return min(max(seconds, 0.0), _LONGEST_PAUSE_SECONDS)
