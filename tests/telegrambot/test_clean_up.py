"""What the bot handled long ago goes; what it could not handle, and what is still open, stays (O8)."""

from datetime import timedelta

import pytest

from lockbay import clock
from telegrambot import clean_up
from telegrambot.models import Draft, StoredUpdate, UpdateStatus
from tests.cast import bea, sol

pytestmark = pytest.mark.django_db
OLD = timedelta(days=31)


def an_update(number: int, status: UpdateStatus, *, age: timedelta) -> None:
    at = clock.real_now() - age
    handled_at = None if status == UpdateStatus.STORED else at
    StoredUpdate.objects.create(
        update_id=number, chat_id=1, body={"update_id": number}, status=status, received_at=at, handled_at=handled_at
    )


def test_only_updates_handled_long_ago_go(monkeypatch):
    monkeypatch.setattr(clean_up, "_AT_ONCE", 2)
    for number in range(5):
        an_update(number, UpdateStatus.DONE, age=OLD)
    an_update(5, UpdateStatus.DONE, age=timedelta(days=29))
    an_update(6, UpdateStatus.PARKED, age=OLD)
    an_update(7, UpdateStatus.STORED, age=OLD)
    assert clean_up.forget_old_updates() == 5
    assert list(StoredUpdate.objects.order_by("pk").values_list("pk", flat=True)) == [5, 6, 7]


def test_a_flow_nobody_went_on_with_goes():
    for chat_id, user in ((1, bea()), (2, sol())):
        Draft.objects.create(chat_id=chat_id, user=user, flow="new", step="price", request_key=f"key-{chat_id}")
    Draft.objects.filter(pk=1).update(updated_at=clock.real_now() - timedelta(days=91))
    assert clean_up.forget_old_updates() == 1
    assert Draft.objects.get().pk == 2


def test_with_nothing_old_nothing_happens():
    assert clean_up.forget_old_updates() == 0
