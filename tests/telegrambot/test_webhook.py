"""Webhook mode: only Telegram is believed, an update is stored before it is acknowledged, and handled from its row."""

import json

import pytest
from django.test import Client

from telegrambot.models import StoredUpdate
from tests.telegrambot.house import text_update

pytestmark = pytest.mark.django_db(transaction=True)
SECRET = "a-secret-of-thirty-two-characters"


@pytest.fixture(autouse=True)
def _webhook_mode(settings):
    settings.TELEGRAM_WEBHOOK_SECRET = SECRET


def post(body: object, secret: str = SECRET, raw: bytes | None = None) -> int:
    headers = {"X-Telegram-Bot-Api-Secret-Token": secret} if secret else {}
    content = json.dumps(body).encode() if raw is None else raw
    return Client().post("/telegram/updates", content, content_type="application/json", headers=headers).status_code


def test_an_update_is_stored_once_and_handled(house):
    house.people.start("bea")
    house.pump()
    update = text_update("bea", 77, "/wallet")
    assert [post(update), post(update)] == [200, 200]
    house.pump()
    assert "Your wallet" in house.last("bea")["text"]
    assert StoredUpdate.objects.filter(pk=77).count() == 1


@pytest.mark.parametrize("secret", ["", "wrong", SECRET + "x", "é"])
def test_nobody_else_is_believed(secret):
    assert post(text_update("bea", 1, "x"), secret) == 401
    assert not StoredUpdate.objects.exists()


def test_without_a_secret_in_the_settings_nothing_is_taken(settings):
    settings.TELEGRAM_WEBHOOK_SECRET = ""
    assert post(text_update("bea", 1, "x"), "") == 401


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"[]", b"{}", b'{"update_id": "1"}', b'{"update_id": true}', b"[" * 100_000]
)
def test_what_is_no_update_is_refused(raw):
    assert post(None, raw=raw) == 400
    assert not StoredUpdate.objects.exists()


def test_a_huge_body_is_refused():
    assert post(None, raw=b"x" * 300_000) == 413


def test_only_post_is_answered():
    assert Client().get("/telegram/updates").status_code == 405
