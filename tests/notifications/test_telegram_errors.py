"""What Telegram's refusals mean (F13, F15, F16)."""

import httpx
import pytest
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
from notifications.channels.telegram import read_telegram_error


def caused_by(error: TelegramError, cause: Exception) -> TelegramError:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "answer"),
    [
        (Forbidden("Forbidden: bot was blocked by the user"), AddressDead),
        (Forbidden("Forbidden: user is deactivated"), AddressDead),
        (Forbidden("Forbidden: bot can't initiate conversation with a user"), AddressDead),
        (BadRequest("Chat not found"), AddressDead),
        (ChatMigrated(-100), AddressDead),
        (BadRequest("Can't parse entities: unexpected end tag"), Rejected),
        (BadRequest("Message is too long"), Rejected),
        (RetryAfter(30), ChannelUnavailable),
        (NetworkError("Bad Gateway"), ChannelUnavailable),
        (NetworkError("Internal Server Error (500)"), ChannelUnavailable),
        (InvalidToken("Unauthorized"), ChannelUnavailable),
        (Conflict("terminated by other getUpdates request"), ChannelUnavailable),
        (TimedOut(), Uncertain),
        (caused_by(TimedOut(), httpx.ReadTimeout("")), Uncertain),
        (caused_by(TimedOut(), httpx.ConnectTimeout("")), ChannelUnavailable),
        (caused_by(TimedOut(), httpx.PoolTimeout("")), ChannelUnavailable),
        (caused_by(NetworkError("httpx.ConnectError"), httpx.ConnectError("")), ChannelUnavailable),
        (caused_by(NetworkError("httpx.ReadError"), httpx.ReadError("")), Uncertain),
        (caused_by(NetworkError("cut"), httpx.RemoteProtocolError("")), Uncertain),
        (TelegramError("Invalid server response"), Uncertain),
    ],
    ids=lambda value: ascii(value)[:40],
)
def test_reads_every_refusal(error: TelegramError, answer: type[ChannelError]) -> None:
    assert type(read_telegram_error(error)) is answer


def test_keeps_the_time_that_telegram_asks_for() -> None:
    answer = read_telegram_error(RetryAfter(30))
    assert isinstance(answer, ChannelUnavailable)
    assert answer.retry_after == 30.0
