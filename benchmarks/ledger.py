"""Goals 1, 2 and 5: the books against the least SQL that writes the same rows."""

import itertools
import random

import psycopg
from django.db import connection, transaction

from benchmarks.measuring import Cell, Ratio, run_in_turns
from lockbay.people.models import User
from wallets import ledger
from wallets.accounts import AVAILABLE, FEES, AccountCode, platform_account, user_account
from wallets.actions.transfer import transfer
from wallets.ledger import NewOperation
from wallets.models import Account
from wallets.money import Money

PEOPLE = 10_000
BATCH = 100
SINGLES = 400
BATCHES = 15
CENT = Money(1, "USD")
FEES_USD = platform_account(FEES, "USD")
_numbers = itertools.count()
_random = random.Random(20)


def measure(raw: psycopg.Connection, *, rounds: int) -> list[Ratio]:
    """Fills the books with PEOPLE wallets and measures."""
    codes = fill()
    ids = dict(Account.objects.values_list("code", "id"))
    pairs = [(str(a), str(b)) for a, b in itertools.pairwise(codes)]

    def single() -> None:
        for _ in range(SINGLES):
            source, target = _random.sample(codes, 2)
            transfer(actor=None, key=f"s:{next(_numbers)}", source=source, target=target, money=CENT)

    def single_least() -> None:
        for _ in range(SINGLES):
            source, target = _random.choice(pairs)
            raw.execute(
                "SELECT bench_transfer(%s::bigint, %s::bigint, 1::bigint, %s)",
                [ids[source], ids[target], f"l:{next(_numbers)}"],
                prepare=True,
            )

    def batches(hot: bool) -> None:
        for _ in range(BATCHES):
            chosen = _random.sample(codes, BATCH * 2)
            with transaction.atomic(durable=True):
                ledger.post(
                    [
                        move(source, FEES_USD if hot else target)
                        for source, target in zip(chosen[:BATCH], chosen[BATCH:], strict=True)
                    ]
                )

    def batches_least() -> None:
        for _ in range(BATCHES):
            chosen = _random.sample(codes, BATCH * 2)
            sources, targets = ([ids[str(code)] for code in half] for half in (chosen[:BATCH], chosen[BATCH:]))
            keys = [f"l:{next(_numbers)}" for _ in range(BATCH)]
            raw.execute(
                "SELECT bench_batch(%s, %s, %s, %s)", [sources, targets, [1] * BATCH, keys], prepare=True
            ).fetchall()

    cells = {
        "single": Cell("transfer()", single, SINGLES),
        "least": Cell("least SQL, one call", single_least, SINGLES),
        "batch": Cell("post() of 100, uniform", lambda: batches(hot=False), BATCH * BATCHES),
        "hot": Cell("post() of 100, hot platform account", lambda: batches(hot=True), BATCH * BATCHES),
        "batch least": Cell("least SQL, batch of 100", batches_least, BATCH * BATCHES),
    }
    run_in_turns(list(cells.values()), rounds=rounds)
    rate = {name: cell.per_second for name, cell in cells.items()}
    return [
        Ratio("1", "one transfer through the public API / least SQL in one call", rate["single"], rate["least"], 0.6),
        Ratio("2", "post() of 100 / least SQL batch of 100, with results", rate["batch"], rate["batch least"], 0.5),
        Ratio("5", "batch path: hot account / uniform accounts", rate["hot"], rate["batch"], 0.95),
    ]


def move(source: AccountCode, target: AccountCode) -> NewOperation:
    """One cent from source to target under a fresh key."""
    return NewOperation(kind="bench", key=f"b:{next(_numbers)}", legs=((source, -CENT), (target, CENT)))


def fill() -> list[AccountCode]:
    """PEOPLE users with 1,000.00 each; statistics as an older database has them."""
    users = User.objects.bulk_create(
        [User(username=f"bench{n}") for n in range(PEOPLE)],
        batch_size=2000,
    )
    codes = [user_account(user.pk, "USD", AVAILABLE) for user in users]
    bank = platform_account("clearing", "USD", "bank")
    amount = Money(100_000, "USD")
    for start in range(0, PEOPLE, 1000):
        with transaction.atomic(durable=True):
            ledger.post(
                [
                    NewOperation(kind="deposit", key=f"fill:{code}", legs=((bank, -amount), (code, amount)))
                    for code in codes[start : start + 1000]
                ]
            )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return codes
