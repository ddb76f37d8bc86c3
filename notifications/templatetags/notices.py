"""Filters of the notices: moments, remaining time, amounts that are not nothing."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from django import template
from django.utils.formats import date_format
from django.utils.safestring import SafeString, mark_safe
from django.utils.timesince import timeuntil

from notifications.models import Delivery
from notifications.queries import messages_of_trade
from notifications.rendering import Rendered

register = template.Library()
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


@register.filter
def utc(moment: datetime | str | None) -> str:
    """ "22 Nov 2026, 14:05 UTC"; moments from event data come as ISO text."""
    found = _moment(moment)
    return f"{date_format(found, 'j M Y, H:i')} UTC" if found else ""


@register.filter
def day(iso: str | None) -> str:
    """ "22 Nov 2026" of "2026-11-22"."""
    return date_format(date.fromisoformat(iso), "j M Y") if iso else ""


@register.filter
def left(moment: datetime | str | None, now: datetime) -> str:
    """ "23 hours, 59 minutes" from now, a begun minute counted whole."""
    found = _moment(moment)
    return timeuntil(found, now - timedelta(seconds=59), depth=2).replace("\xa0", " ") if found else ""


@register.filter
def span(seconds: int | None) -> str:
    """ "2 hours, 5 minutes", a begun minute counted whole."""
    length = timedelta(seconds=max(seconds or 0, 1) + 59)
    return timeuntil(_EPOCH + length, _EPOCH, depth=2).replace("\xa0", " ")


@register.filter
def is_something(amount: str | None) -> bool:
    """False for "0.00 USD" and for no amount at all."""
    return any(digit in (amount or "") for digit in "123456789")


@register.filter
def telegram_markup(rendered: Rendered) -> SafeString:
    """A message as Telegram shows it. It came out of an autoescaped template: the markup is ours, the text escaped."""
    return mark_safe(rendered.html)  # noqa: S308


@register.simple_tag
def messages_about(escrow_id: int) -> Sequence[Delivery]:
    """Every message about a trade, for the desk."""
    return messages_of_trade(escrow_id)


def _moment(value: datetime | str | None) -> datetime | None:
    return datetime.fromisoformat(value) if isinstance(value, str) and value else value or None
