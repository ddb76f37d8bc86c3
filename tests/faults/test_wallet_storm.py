"""5,000 wallet actions by 16 workers that are killed now and then, against a provider in bad weather: the books prove,
nobody is below zero, nothing is paid twice, nobody was locked out (F31, F32, F36, F44)."""

import os
import random
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from lockbay import clock
from lockbay.events.kinds import Kind
from lockbay.events.models import Event
from lockbay.people.models import User
from payments.actions.apply_event import drain
from payments.actions.ask_payout import ask_payout
from payments.models import Deposit, InboxEvent, Intent, PayoutAttempt
from payments.payouts.jobs import ask_payouts, send_payouts
from tests.cast import give, olu
from tests.faults.payout_senders import Senders, senders_at
from tests.faults.storm_provider import StormyProvider
from tests.faults.storm_stage import ACTIONS, PROCESSES, Progress
from tests.payments.payouts.loopback import running_provider
from tests.withdrawals.stories import a_destination, ada, third
from wallets.accounts import FLOORED_KINDS
from wallets.models import Account, Withdrawal
from wallets.proof import check_ledger
from wallets.withdrawal_states import WithdrawalStatus as S

PEOPLE = 20
KILLS = 12
PROOFS = 3  # while the storm blows
SEED = "LOCKBAY_STORM_SEED"  # set it to the number a failure printed, and the same acts and kills come again
MANY = 1_000_000
# Of the workers: nobody is held back for having done much, only where an owner must agree beside the others.
LIMITS = {
    "WITHDRAWAL_DAILY_LIMIT": str(MANY),
    "ESCROW_DAILY_LIMIT": str(MANY),
    "PROVIDER_BREAKER_FAILURES": str(MANY),
    "WITHDRAWAL_HOURLY_USD": "30000",
    "LOG_LEVEL": "WARNING",
}
KILLED = -signal.SIGKILL


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.django_db(transaction=True)
def test_the_books_survive_a_storm_of_workers_that_are_killed(settings: Any, tmp_path: Path) -> None:
    seed = int(os.environ.get(SEED) or random.SystemRandom().randrange(2**32))
    print(f"{SEED}={seed}")
    gather_people()
    deadlocks = deadlocks_until_now()
    with running_provider(StormyProvider(seed)) as provider, (tmp_path / "log").open("w+") as log:
        settings.SANDBOX_URL, settings.PROVIDER_BREAKER_FAILURES = provider.url, MANY
        with senders_at(provider, stage="storm_stage", log=log, **LIMITS) as workers:
            blow(workers, tmp_path / "progress", random.Random(seed))
        let_it_calm_down(provider)
        log.seek(0)
        require_nobody_was_locked_out(log.read(), deadlocks)
        require_paid_once(provider)
    require_everything_is_in_its_place()


def gather_people() -> None:
    """Twenty people with some money and two places to send it; three of the staff, one of them an owner."""
    olu(), ada(), third()
    for number in range(PEOPLE):
        person = User.objects.create(username=f"storm{number}", telegram_id=5000 + number)
        give(person, "150.00")
        a_destination(person), a_destination(person)


def blow(workers: Senders, path: Path, chance: random.Random) -> None:
    """All actions, by workers of which one is killed each time that so many actions are done, and started again."""
    progress, seed = Progress(path), chance.randrange(2**32)
    kills = sorted(chance.randrange(ACTIONS // 20, ACTIONS * 9 // 10) for _ in range(KILLS))
    proofs = [ACTIONS * number // (PROOFS + 1) for number in range(1, PROOFS + 1)]

    def start(number: int) -> int:
        return workers.start(number, ACTIONS, seed, path)

    with stopped_at_last(running := {number: start(number) for number in range(PROCESSES)}):
        while kills or proofs:
            done = progress.total()
            if kills and done >= kills[0]:
                kills.pop(0)
                number = chance.randrange(PROCESSES)
                with suppress(ProcessLookupError):  # it has done its share already
                    os.kill(running[number], signal.SIGKILL)
                assert workers.wait_for(running[number]) in {KILLED, 0}
                running[number] = start(number)
            elif proofs and done >= proofs[0]:
                proofs.pop(0)
                assert check_ledger(full=True).breaches == []
            else:
                time.sleep(0.01)
        assert [workers.wait_for(pid) for pid in running.values()] == [0] * PROCESSES
        running.clear()
    assert progress.total() == ACTIONS


@contextmanager
def stopped_at_last(running: dict[int, int]) -> Iterator[None]:
    """Whoever is still `running` at the end is killed."""
    try:
        yield
    finally:
        for pid in running.values():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def let_it_calm_down(provider: StormyProvider) -> None:
    """The work of the following hours: dead senders are found, retries come due, everything is asked about."""
    provider.is_calm = True
    drain()
    open_ = Withdrawal.objects.filter(status__in=[S.PROCESSING, S.SENT, S.UNKNOWN])
    attempts = PayoutAttempt.objects.filter(withdrawal__in=open_)
    for _ in range(20):
        if not open_.exists():
            break
        past = clock.real_now() - timedelta(minutes=11)
        for name in ("lease_until", "retry_at", "called_at", "ask_due_at"):
            attempts.exclude(**{name: None}).update(**{name: past})
        send_payouts()
        ask_payouts()
    # Who took a success back told it to somebody that was killed: the question is asked again within days.
    taken_back = [order["reference"] for order in provider.orders.values() if order["status"] == "reversed"]
    for attempt in PayoutAttempt.objects.filter(reference__in=taken_back, withdrawal__status=S.COMPLETED):
        ask_payout(actor=None, attempt_id=attempt.pk)


def deadlocks_until_now() -> int:
    """As PostgreSQL counts them; SQLite has one writer and none."""
    if connection.vendor != "postgresql":
        return 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        return int(cursor.fetchone()[0])


def require_nobody_was_locked_out(log: str, deadlocks: int) -> None:
    """Nothing but answers and refusals; what a job survives by trying again may not hide a deadlock either."""
    told = [line for line in log.splitlines() if "UNEXPECTED" in line or '"level": "error"' in line]
    assert "UNEXPECTED" not in log, log[-8000:]
    assert not [word for word in ("database is locked", "deadlock", "Traceback") if word in log], (told, log[-8000:])
    assert deadlocks_until_now() == deadlocks


def require_paid_once(provider: StormyProvider) -> None:
    """The provider was asked to pay each reference at most once, and what it did is what the withdrawals say."""
    assert {reference: times for reference, times in provider.asked_to_pay.items() if times > 1} == {}
    assert len(provider.moods) >= 7, "the weather was bad"
    ends = {
        "": {S.PENDING_APPROVAL, S.CANCELLED, S.REJECTED, S.FAILED},
        "paid": {S.COMPLETED},
        "failed": {S.FAILED},
        "reversed": {S.REVERSED, S.FAILED},
    }
    for withdrawal in Withdrawal.objects.all():
        told = provider.orders.get(withdrawal.public_id, {}).get("status", "")
        assert withdrawal.status in ends[told], (withdrawal.public_id, withdrawal.status, told)
    completed = Withdrawal.objects.filter(status=S.COMPLETED)
    assert completed.count() == sum(order["status"] == "paid" for order in provider.orders.values()) > 0
    assert not Event.objects.filter(kind=Kind.PAYOUT_CONTRADICTED).exists()


def require_everything_is_in_its_place() -> None:
    """Green books, nobody below zero, one deposit for each payment, and everybody had their turn."""
    assert check_ledger(full=True).breaches == []
    assert not Account.objects.filter(kind__in=sorted(FLOORED_KINDS), balance__lt=0).exists()
    assert Deposit.objects.count() == Intent.objects.filter(deposits__isnull=False).distinct().count()
    assert set(InboxEvent.objects.values_list("status", flat=True)) <= {"applied", "duplicate"}
    seen = set(Withdrawal.objects.values_list("status", flat=True))
    assert seen >= {S.COMPLETED, S.FAILED, S.CANCELLED}, seen
