"""N5: the pace by itself, the rate that staff set while the bot runs, and answers that count with the notices."""

import asyncio
import heapq
import random
from types import SimpleNamespace

import pytest
from django.test import Client
from telegram.error import RetryAfter

from lockbay.people.models import User
from telegrambot import pacing
from telegrambot.answer_pace import AnswerPace
from telegrambot.models import SendingRate
from telegrambot.pacing import MOST_PER_GROUP_MINUTE, Pace
from telegrambot.sandbox import limits
from telegrambot.sandbox.limits import Bucket
from telegrambot.sending_rate import sending_rate, set_sending_rate
from tests.cast import olu


@pytest.fixture
def time_of(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The monotonic clock, moved by hand."""
    now = [1_000.0]
    for module in (pacing, limits):
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: now[0]))
    return now


def test_a_slot_is_a_thirtieth_of_a_second_and_a_chat_pauses_for_one(time_of: list[float]) -> None:
    pace = Pace(30)
    pace.take(7)
    assert pace.seconds_to_slot() == pytest.approx(1 / 30)
    assert pace.seconds_to_chat(7) == pytest.approx(1.0)
    assert pace.seconds_to_chat(8) <= 0
    assert pace.chats_that_pause() == [7]
    time_of[0] += 1.0
    assert pace.chats_that_pause() == []


def test_a_slow_moment_is_made_up_for_and_idle_time_is_not(time_of: list[float]) -> None:
    pace = Pace(30)
    pace.take(1)
    time_of[0] += 0.5
    burst = 0
    while pace.seconds_to_slot() <= 0:
        pace.take(burst := burst + 1)
    assert 14 <= burst <= 16
    time_of[0] += 60
    pace.rest()
    pace.take(99)
    assert pace.seconds_to_slot() > 0


def test_it_says_how_many_slots_come_up_those_that_were_missed_among_them(time_of: list[float]) -> None:
    pace = Pace(30)
    assert pace.slots_within(0.125) == 4
    pace.take(1)
    pace.answered()
    time_of[0] += 0.5
    assert pace.slots_within(0.125) == pytest.approx(18, abs=1)
    pace.per_second = 2
    assert pace.slots_within(0.125) <= 2


def test_what_is_unanswered_is_not_made_up_for(time_of: list[float]) -> None:
    pace = Pace(30)
    for chat in range(9):
        pace.take(chat)
        time_of[0] += 1 / 30
    time_of[0] += 5
    burst = 0
    while pace.seconds_to_slot() <= 0:
        pace.take(burst := burst + 1)
    assert burst + 9 <= 30


@pytest.mark.parametrize("seed", range(8))
def test_a_second_never_brings_more_than_thirty_however_the_wire_and_the_machine_hesitate(
    time_of: list[float], seed: int
) -> None:
    chance, pace, at_telegram = random.Random(seed), Pace(30), Bucket(30, 30)
    at_telegram.at = time_of[0]
    arrivals: list[tuple[float, int, bool]] = []  # when, which, and whether it is the answer that arrives
    for number in range(400):
        starts_at = time_of[0] + max(0.0, pace.seconds_to_slot()) + chance.choice([0.0] * 30 + [0.3, 1.5])
        while arrivals and (arrivals[0][0] <= starts_at or len(arrivals) > 30):
            time_of[0], _number, is_answer = heapq.heappop(arrivals)
            if is_answer:
                pace.answered()
            else:
                assert at_telegram.take() == 0, "429"
        time_of[0] = max(time_of[0], starts_at)
        if pace.seconds_to_slot() > 0:
            continue
        pace.take(number)
        arrives_at = time_of[0] + chance.random() ** 3
        heapq.heappush(arrivals, (arrives_at, number, False))
        heapq.heappush(arrivals, (arrives_at + chance.random() * 0.3, number, True))


def test_a_group_gets_twenty_a_minute_and_nobody_else_waits_for_it(time_of: list[float]) -> None:
    pace = Pace(30)
    for _ in range(MOST_PER_GROUP_MINUTE):
        pace.take(-100)
        time_of[0] += 1.0
    assert pace.seconds_to_chat(-100) == pytest.approx(40.0)
    assert pace.seconds_to_slot() <= 0
    pace.obey(-100, 35)
    assert pace.seconds_barred() <= 0
    assert pace.seconds_to_chat(-100) == pytest.approx(40.0)


def test_after_a_429_all_wait_and_the_rate_eases_off_and_comes_back(time_of: list[float]) -> None:
    pace = Pace(30)
    pace.obey(7, 3)
    assert pace.seconds_barred() == pace.seconds_to_slot() == pytest.approx(3.0)
    time_of[0] += 3
    pace.take(8)
    assert pace.seconds_to_slot() == pytest.approx(4 / 3 / 30)
    for _ in range(400):
        pace.quicken()
    time_of[0] += 1
    pace.rest()
    pace.take(9)
    assert pace.seconds_to_slot() == pytest.approx(1 / 30, rel=0.01)


def test_answers_take_slots_and_tell_of_their_429s(time_of: list[float]) -> None:
    pace = Pace(30)
    limiter = AnswerPace(pace)
    answers = [RetryAfter(0), True]

    async def send() -> object:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def run() -> object:
        await limiter.initialize()
        return await limiter.process_request(send, (), {}, "sendMessage", {"chat_id": 7}, None)

    assert asyncio.run(run()) is True
    assert answers == []
    assert pace.seconds_to_chat(7) == pytest.approx(1.0)
    assert pace.seconds_to_slot() > 1 / 30


@pytest.mark.django_db
def test_staff_lower_the_rate_while_it_runs(settings: object) -> None:
    assert sending_rate() == 30
    set_sending_rate(actor=olu(), per_second=5)
    assert sending_rate() == 5
    with pytest.raises(ValueError, match="31"):
        set_sending_rate(actor=olu(), per_second=31)
    settings.TELEGRAM_SENDS_PER_SECOND = 3  # type: ignore[attr-defined]
    assert sending_rate() == 3, "the setting is the most there is"


@pytest.mark.django_db
def test_the_page_of_the_rate_takes_one_to_thirty_and_notes_who(client: Client) -> None:
    User.objects.filter(pk=olu().pk).update(is_staff=True, is_superuser=True)
    client.force_login(User.objects.get(pk=olu().pk))
    assert client.post("/admin/telegrambot/sendingrate/add/", {"per_second": "31"}).status_code == 200
    assert not SendingRate.objects.exists()
    assert client.post("/admin/telegrambot/sendingrate/add/", {"per_second": "12"}).status_code == 302
    assert client.post("/admin/telegrambot/sendingrate/1/change/", {"per_second": "7"}).status_code == 302
    row = SendingRate.objects.get()
    assert (row.per_second, row.changed_by) == (7, olu())
    assert client.get("/admin/telegrambot/sendingrate/add/").status_code == 403
