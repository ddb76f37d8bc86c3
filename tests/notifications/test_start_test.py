"""A start proves the staff's channels by one message; /ready names each channel, and who does not take it is red."""

from datetime import timedelta

import pytest
from django.db import OperationalError
from django_q.signals import post_spawn
from structlog.testing import capture_logs

from lockbay import clock
from lockbay.events.kinds import Kind
from lockbay.events.models import Event
from lockbay.observability.health import Result
from notifications import health, start_test
from notifications.fanout import fan_out
from notifications.models import Delivery, DeliveryState, StaffNotice
from notifications.staff_chat import AUDIENCE
from tests.at_once import at_once

pytestmark = pytest.mark.django_db(transaction=True)
EMAIL = "staff:olu@lockbay.example"


@pytest.fixture(autouse=True)
def _has_a_group(settings):
    settings.STAFF_CHAT_ID = -100500
    settings.SLACK_WEBHOOK_URL = "https://hooks.slack.example/x"
    settings.PAGERDUTY_ROUTING_KEY = "r" * 32


@pytest.fixture
def restart(monkeypatch):
    """A start of a process that was not there before."""
    runs = iter(range(100))

    def start(process="bot"):
        monkeypatch.setattr(start_test, "_RUN", f"run-{next(runs)}")
        return start_test.note_start(process)

    return start


def is_older(**age):
    StaffNotice.objects.update(made_at=clock.real_now() - timedelta(**age))


def becomes(audience, state, *, error="", **more):
    rows = Delivery.objects.filter(audience=audience)
    sent_at = clock.real_now() if state == DeliveryState.SENT else None
    rows.filter(pk=rows.latest("pk").pk).update(state=state, error=error, sent_at=sent_at, **more)


def all_take_it():
    fan_out()
    Delivery.objects.update(state=DeliveryState.SENT, sent_at=clock.real_now())


def asked():
    return Event.objects.filter(kind=Kind.STAFF_TEST).count()


def test_a_start_is_told_to_the_group_by_mail_and_in_slack_and_wakes_nobody(restart):
    assert restart("bot")
    fan_out()
    rows = set(Delivery.objects.values_list("audience", "channel", "template"))
    assert rows == {
        (EMAIL, "email", "staff_test"),
        ("staff:slack", "slack", "staff_test"),
        (AUDIENCE, "telegram", "staff_test"),
    }
    assert Event.objects.get().data["process"] == "bot"


def test_bot_and_worker_that_start_together_ask_for_one_test(restart):
    assert restart("bot")
    assert not restart("worker")
    assert asked() == 1


def test_processes_that_start_at_once_ask_for_one_test():
    outcomes = at_once(start_test.note_start, ["worker"] * 4)
    assert sorted(outcomes) == [False, False, False, True]
    assert asked() == 1
    assert StaffNotice.objects.get().event == Event.objects.get()


def test_a_start_soon_after_asks_for_none_and_later_for_another(restart, settings):
    restart()
    all_take_it()
    is_older(minutes=59)
    assert not restart()
    is_older(minutes=61)
    assert restart()
    assert asked() == 2


def test_one_that_did_not_arrive_is_asked_for_again_by_the_next_start(restart):
    restart()
    all_take_it()
    becomes(AUDIENCE, DeliveryState.FAILED)
    assert not restart()  # the channels have their time first
    is_older(minutes=3)
    assert restart()


def test_a_worker_process_that_replaces_another_of_the_same_run_is_no_start():
    post_spawn.send(sender="django_q", proc_name="worker")
    all_take_it()
    is_older(hours=5)
    post_spawn.send(sender="django_q", proc_name="worker")
    assert asked() == 1


def test_a_start_survives_a_database_that_is_away(monkeypatch):
    def fail():
        raise OperationalError("gone")

    monkeypatch.setattr(start_test, "newest_test", fail)
    with capture_logs() as logs:
        assert not start_test.note_start("bot")
    assert [line["event"] for line in logs] == ["START_TEST_NOT_ASKED"]


def test_staff_channels_are_green_before_and_while_the_test_is_on_its_way(restart):
    assert health.check_staff_channels() == Result(True, "email, slack, pagerduty, staff chat; not tested yet")
    restart()
    assert health.check_staff_channels().ok
    fan_out()
    assert health.check_staff_channels().ok


def test_a_channel_that_does_not_take_the_test_in_time_is_red_by_name_until_it_takes_something(restart):
    restart()
    all_take_it()
    becomes("staff:slack", DeliveryState.QUEUED, error="slack 503")
    is_older(minutes=3)
    result = health.check_staff_channels()
    assert not result.ok
    assert result.detail.startswith("slack: has not taken the test of ")
    assert result.detail.endswith("slack 503")
    becomes("staff:slack", DeliveryState.SENT)
    assert health.check_staff_channels().ok


def test_a_group_that_put_the_bot_out_is_red_at_once_and_green_with_the_next_message_it_takes(restart):
    restart()
    all_take_it()
    becomes(AUDIENCE, DeliveryState.FAILED, error="Forbidden: bot was kicked from the supergroup chat")
    result = health.check_staff_channels()
    assert result == Result(False, "staff chat: failed, Forbidden: bot was kicked from the supergroup chat")
    is_older(minutes=90)
    restart()
    fan_out()
    becomes(AUDIENCE, DeliveryState.SENT)
    assert health.check_staff_channels().ok


def test_a_test_that_nobody_fans_out_is_red(restart):
    restart()
    is_older(minutes=3)
    result = health.check_staff_channels()
    assert not result.ok
    assert "staff chat: nobody sends the test of" in result.detail


def test_several_addresses_are_numbered_and_none_is_shown(restart, settings):
    settings.STAFF_EMAILS = ["olu@lockbay.example", "max@lockbay.example"]
    restart()
    all_take_it()
    becomes("staff:max@lockbay.example", DeliveryState.FAILED, error="AnymailRecipientsRefused")
    detail = health.check_staff_channels().detail
    assert detail == "email 2: failed, AnymailRecipientsRefused"


def test_every_channel_is_named_and_one_without_keys_is_off_not_red(settings):
    settings.SLACK_WEBHOOK_URL = ""
    found = health.check_channels()
    assert set(found) == {"telegram", "email", "sms", "whatsapp", "slack", "pagerduty"}
    assert found["slack"] == found["sms"] == Result(True, "off")
    assert found["email"] == Result(True, "has taken none yet, 0 wait")


def test_a_channel_says_when_it_took_the_last_message_and_how_many_wait(restart):
    restart()
    fan_out()
    becomes(EMAIL, DeliveryState.SENT)
    found = health.check_channels()
    assert found["telegram"] == Result(True, "has taken none yet, 1 wait")
    assert found["email"].detail in {f"took a message {seconds} s ago, 0 wait" for seconds in range(5)}


def test_a_channel_that_takes_nothing_while_several_wait_for_long_is_red(restart):
    restart()
    fan_out()
    template = Delivery.objects.get(channel="telegram")
    for number in range(2):
        template.pk, template.audience = None, f"somebody {number}"
        template.save()
    assert health.check_channels()["telegram"].ok
    Delivery.objects.update(created_at=clock.real_now() - timedelta(minutes=11))
    assert health.check_channels()["telegram"] == Result(False, "has taken none yet, 3 wait")
    Delivery.objects.filter(pk=template.pk).update(state=DeliveryState.SENT, sent_at=clock.real_now())
    assert health.check_channels()["telegram"].ok
