"""One clock for the domain, moved by a row that every process sees; nobody moves real time."""

import threading
from datetime import timedelta

import pytest
from django.db import connection, connections

from lockbay import clock
from lockbay.models import VirtualClock

SECOND = timedelta(seconds=1)


@pytest.mark.django_db
def test_a_day_can_be_skipped_and_real_time_stays():
    before = clock.real_now()
    assert clock.advance(86_400) == 86_400
    assert abs(clock.now() - before - timedelta(days=1)) < 5 * SECOND
    assert abs(clock.database_now() - clock.now()) < 5 * SECOND
    assert abs(clock.real_now() - before) < 5 * SECOND


@pytest.mark.django_db
def test_steps_add_up_in_one_row():
    clock.advance(60)
    assert clock.advance(60) == 120
    assert VirtualClock.objects.count() == 1


@pytest.mark.django_db
def test_it_moves_forward_only():
    with pytest.raises(ValueError, match="forward"):
        clock.advance(-1)


@pytest.mark.django_db
def test_in_production_it_cannot_be_moved_and_asks_no_row(settings, django_assert_num_queries):
    VirtualClock.objects.create(pk=1, offset_seconds=86_400)
    settings.PLAYGROUND = False
    with pytest.raises(PermissionError):
        clock.advance(60)
    with django_assert_num_queries(0):
        assert abs(clock.now() - clock.real_now()) < SECOND


@pytest.mark.django_db
def test_reading_it_often_asks_the_row_at_most_twice_a_second(django_assert_max_num_queries):
    clock.forget_offset()
    with django_assert_max_num_queries(1):
        for _ in range(50):
            clock.now()


@pytest.mark.django_db
def test_a_second_row_is_refused_by_the_database():
    from django.db import IntegrityError, transaction

    with pytest.raises(IntegrityError), transaction.atomic():
        VirtualClock.objects.create(pk=2)


@pytest.mark.django_db(transaction=True)
def test_two_who_move_it_at_once_both_count():
    VirtualClock.objects.create(pk=1)

    def move():
        try:
            clock.advance(10)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=move) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert VirtualClock.objects.get().offset_seconds == 40


@pytest.mark.django_db
def test_the_database_says_its_time_in_utc():
    assert clock.database_now().utcoffset() == timedelta(0)
    assert abs(clock.database_now() - clock.now()) < 5 * SECOND
    assert connection.vendor in {"sqlite", "postgresql"}
