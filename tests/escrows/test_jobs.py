"""What time does to trades (E6, E11, E12, E14)."""

from datetime import timedelta
from threading import Thread

import pytest
from django.db import connection
from pytest_django import Settings

from escrows.jobs import run_deadlines
from escrows.models import DeadlineWarning, Escrow
from escrows.states import Status
from lockbay.events.models import Event
from tests.cast import (
    a_delivered_trade,
    a_paid_trade,
    a_waiting_trade,
    an_active_trade,
    an_offer,
    bea,
    later,
    released,
    set_back,
    sol,
    usd,
    wallet_of,
)

pytestmark = pytest.mark.django_db(transaction=True)


def warnings_of(escrow: Escrow) -> list[int]:
    facts = Event.objects.filter(subject_id=escrow.pk, kind="escrow.deadline_near").order_by("seq")
    return [fact.data["lead_minutes"] for fact in facts]


@pytest.mark.usefixtures("books_green")
def test_one_run_does_everything_that_is_due(settings: Settings) -> None:
    unpaid, pending = an_offer(), a_waiting_trade()
    silent, delivered = a_paid_trade(), a_delivered_trade()
    settings.RELEASE_UNDO_WINDOW = timedelta(seconds=60)
    undone = released(an_active_trade())
    untouched = [an_active_trade(hours=1)]
    for trade, name in ((unpaid, "expires_at"), (pending, "expires_at"), (silent, "accept_by")):
        set_back(trade, name)
    set_back(delivered, "inspection_ends_at")
    set_back(undone, "release_due_at")
    set_back(untouched[0], "delivery_deadline")
    run = run_deadlines()
    assert (run.done, run.refused, run.failed) == (6, 0, 0)  # the overdue delivery is told of and stays
    statuses = [Escrow.objects.get(pk=trade.pk).status for trade in (unpaid, pending, silent, delivered, undone)]
    assert statuses == ["expired", "expired", "refunded", "completed", "completed"]
    assert Escrow.objects.get(pk=untouched[0].pk).status == Status.ACTIVE
    assert (wallet_of(sol()), wallet_of(bea())) == (usd("40.00"), usd("21.00"))
    assert run_deadlines().done == 0


def test_nothing_is_due_before_its_time() -> None:
    trades = [an_offer(), a_waiting_trade(), a_paid_trade(), an_active_trade(), a_delivered_trade()]
    statuses = {trade.pk: trade.status for trade in trades}
    run_deadlines()
    assert dict(Escrow.objects.values_list("pk", "status")) == statuses


def test_one_bad_trade_stops_nobody_and_keeps_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    bad, good = a_delivered_trade(), a_delivered_trade()
    Escrow.objects.filter(pk=bad.pk).update(pricing={})
    for trade in (bad, good):
        set_back(trade, "inspection_ends_at")
    run = run_deadlines()
    assert (run.done, run.failed) == (1, 1)
    assert Escrow.objects.get(pk=good.pk).status == Status.COMPLETED
    assert Escrow.objects.get(pk=bad.pk).status == Status.DELIVERED
    failures = [record.msg for record in caplog.records if record.levelname == "ERROR"]
    assert [(line["event"], line["public_id"], line["exc_info"]) for line in failures] == [
        ("DEADLINE_FAILED", bad.public_id, True)
    ]


def test_more_than_a_page_is_worked_off_in_one_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("escrows.jobs.PAGE", 2)
    for _ in range(5):
        set_back(an_offer(), "expires_at")
    assert run_deadlines().done == 5


class TestWarnings:
    def test_each_is_given_once_and_at_its_time(self) -> None:
        trade = an_active_trade(hours=48)
        for moment, expected in (
            ({"hours": 23}, []),
            ({"hours": 24, "seconds": 5}, [1440]),
            ({"hours": 40, "seconds": 5}, [1440, 480]),
            ({"hours": 46, "seconds": 5}, [1440, 480, 120]),
            ({"hours": 47, "minutes": 31}, [1440, 480, 120, 30]),
            ({"hours": 49}, [1440, 480, 120, 30, 0]),
            ({"hours": 490}, [1440, 480, 120, 30, 0]),
        ):
            with later(**moment):
                for _ in range(2):
                    run_deadlines()
            assert warnings_of(trade) == expected
        assert DeadlineWarning.objects.count() == 5

    def test_a_late_job_gives_only_the_urgent_one(self) -> None:
        trade = an_active_trade(hours=48)
        with later(hours=47, minutes=45):
            run_deadlines()
        assert warnings_of(trade) == [30]

    def test_a_payment_window_of_an_hour_is_warned_of_once(self) -> None:
        trade = a_waiting_trade()
        run_deadlines()
        assert warnings_of(trade) == []
        with later(minutes=31):
            run_deadlines()
        assert warnings_of(trade) == [30]

    def test_a_restarted_deadline_is_warned_of_again(self) -> None:
        trade = an_active_trade(hours=48)
        with later(hours=24, seconds=5):
            run_deadlines()
        trade.refresh_from_db()
        assert trade.delivery_deadline is not None
        Escrow.objects.filter(pk=trade.pk).update(delivery_deadline=trade.delivery_deadline + timedelta(hours=24))
        with later(hours=48, seconds=5):
            run_deadlines()
        assert warnings_of(trade) == [1440, 1440]

    def test_two_workers_at_once_give_it_once(self) -> None:
        trade = a_waiting_trade()

        def work() -> None:
            try:
                run_deadlines()
            finally:
                connection.close()

        with later(minutes=31):
            threads = [Thread(target=work) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert warnings_of(trade) == [30]
