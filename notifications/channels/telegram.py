"""Reads python-telegram-bot's errors as channel answers; the sender in telegrambot/outgoing.py does the sending.

Texts of BadRequest are Telegram's own (https://core.telegram.org/bots/api#making-requests: "contents are subject to
change"), so only the ones that mean "this chat is gone" are listed; any other refusal concerns the message.
"""

from telegram.error import (
    BadRequest,
    ChatMigrated,
    Conflict,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
    TimedOut,
)

from notifications.channels.base import AddressDead, ChannelError, ChannelUnavailable, Rejected, Uncertain

_CHAT_IS_GONE = (
    "chat not found",
    "user not found",
    "user is deactivated",
    "peer_id_invalid",
    "bot was blocked",
    "have no rights to send",
)
_UNREADABLE_SUCCESS = "Invalid server response"
# The library wraps the HTTP client's error; these happen before a byte of the request has left.
_NOTHING_LEFT_US = frozenset(
    {"ConnectError", "ConnectTimeout", "PoolTimeout", "ProxyError", "UnsupportedProtocol", "LocalProtocolError"}
)
# And these after it may have arrived.
_ANSWER_LOST = frozenset(
    {"ReadError", "ReadTimeout", "WriteError", "WriteTimeout", "CloseError", "RemoteProtocolError", "DecodingError"}
)


def read_telegram_error(error: TelegramError) -> ChannelError:
    """The channel's answer that an error of sendMessage or sendPhoto stands for."""
    reason = f"{type(error).__name__}: {error.message}"[:300]
    if isinstance(error, RetryAfter):
        # The public attribute warns about a change of its type; this one already has the new type.
        return ChannelUnavailable(reason, retry_after=error._retry_after.total_seconds())
    if isinstance(error, Forbidden | ChatMigrated):
        return AddressDead(reason)
    if isinstance(error, BadRequest):
        is_gone = any(text in error.message.lower() for text in _CHAT_IS_GONE)
        return AddressDead(reason) if is_gone else Rejected(reason)
    if isinstance(error, InvalidToken | Conflict):
        return ChannelUnavailable(reason)
    if isinstance(error, NetworkError):
        return _read_network_error(error, reason)
    # "Invalid server response" comes with a 2xx: the message was taken, only the answer cannot be read.
    return Uncertain(reason) if error.message == _UNREADABLE_SUCCESS else ChannelUnavailable(reason)


def _read_network_error(error: NetworkError, reason: str) -> ChannelError:
    cause = type(error.__cause__).__name__ if error.__cause__ else ""
    if cause in _NOTHING_LEFT_US:
        return ChannelUnavailable(reason)
    if cause in _ANSWER_LOST or isinstance(error, TimedOut):
        return Uncertain(reason)
    return ChannelUnavailable(reason)  # an answer did come: 5xx
