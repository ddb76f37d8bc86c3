"""Webhook mode: an update is stored, then acknowledged; the bot process works it off from the row (T1, F3)."""

import json
from secrets import compare_digest

import structlog
from django.conf import settings
from django.http import HttpRequest, JsonResponse
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt
from telegram.ext import ExtBot

from telegrambot.updates import store_updates
from telegrambot.updates_loop import ALLOWED_UPDATES

log = structlog.get_logger(__name__)

SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105  the header's name
_MOST_BYTES = 262_144


@csrf_exempt
def take_update(request: HttpRequest) -> JsonResponse:
    """Stores one update. 401 without the secret, 413 and 400 for what is no update; 2xx once it is committed.

    https://core.telegram.org/bots/api#setwebhook
    """
    if request.method != "POST":
        return _refuse(405, "expected POST")
    if not _knows_secret(request.headers.get(SECRET_HEADER, "")):
        return _refuse(401, f"expected the secret in {SECRET_HEADER}")
    if int(request.headers.get("Content-Length") or 0) > _MOST_BYTES:
        return _refuse(413, f"at most {_MOST_BYTES} bytes")
    try:
        update = json.loads(request.body)
    except (ValueError, RecursionError):
        return _refuse(400, "expected JSON")
    if not isinstance(update, dict) or type(update.get("update_id")) is not int:
        return _refuse(400, "expected an Update with its update_id")
    store_updates([update])
    return JsonResponse({"ok": True})


async def ask_for_webhook(bot: ExtBot) -> None:
    """Tells Telegram to send updates to the web process from now on; waiting ones come too."""
    await bot.set_webhook(
        f"{settings.PUBLIC_URL}{reverse('telegrambot:updates')}",
        secret_token=settings.TELEGRAM_WEBHOOK_SECRET,
        allowed_updates=ALLOWED_UPDATES,
        drop_pending_updates=False,
    )


def _knows_secret(given: str) -> bool:
    wanted = settings.TELEGRAM_WEBHOOK_SECRET
    return bool(wanted) and compare_digest(given.encode("utf-8", "replace"), wanted.encode())


def _refuse(status: int, expected: str) -> JsonResponse:
    log.warning("TELEGRAM_UPDATE_REFUSED", status=status, expected=expected)
    return JsonResponse({"ok": False, "expected": expected}, status=status)
