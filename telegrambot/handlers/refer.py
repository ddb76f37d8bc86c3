"""/refer: a person's own invitation link and what it has earned (E19)."""

from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.utils import translation

from escrows.actions.make_affiliate_link import make_affiliate_link
from escrows.affiliates import standing_of
from telegrambot.callback_data import Verb
from telegrambot.handlers.start import REFERRAL
from telegrambot.keyboards import to
from telegrambot.rendering import phrase
from telegrambot.turn import Button, Reply, Screen, Turn


def show_referrals(turn: Turn) -> Reply:
    """The link to hand on, and the figures; a plain word when the programme is switched off."""
    standing = standing_of(turn.user.pk)
    is_on = settings.AFFILIATE_PERCENT > 0
    link = _link_of(make_affiliate_link(actor=turn.user).code) if is_on else ""
    context: dict[str, Any] = {
        "is_on": is_on,
        "link": link,
        "percent": f"{settings.AFFILIATE_PERCENT.normalize():f}",
        "days": settings.AFFILIATE_PERIOD.days,
        "standing": standing,
    }
    share = (
        ((Button("share_link", url=_share(link, turn.user.language)), Button("copy_link", copy=link)),) if is_on else ()
    )
    rows = (*share, (to("refresh", Verb.REFER), to("wallet", Verb.WALLET), to("menu", Verb.MENU)))
    return Reply(Screen("refer", context, rows))


def _link_of(code: str) -> str:
    return f"https://t.me/{settings.TELEGRAM_BOT_USERNAME}?start={REFERRAL}{code}"


def _share(link: str, language: str) -> str:
    with translation.override(language):
        text = phrase("toasts", "recommendation")
    return f"https://t.me/share/url?{urlencode({'url': link, 'text': text})}"


BUTTONS = {Verb.REFER: show_referrals}
