"""F23: a reorganisation after the credit, on a real chain: moved to another block, nothing happens twice; gone, the
credit is taken back, also when the money is spent; mined again, it is credited again (P7, P9)."""

import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from django.db import connection
from django.db.models import F
from pytest_django import Settings

from escrows.fees import Pricing
from escrows.states import Status
from lockbay import http
from lockbay.events.models import Event
from notifications.fanout import fan_out
from notifications.models import Delivery
from payments import chains
from payments.models import ChainClaim, Deposit, InboxEvent
from payments.states import ClaimState, DepositState
from payments.suspense import unassigned
from tests.cast import a_waiting_trade, held_by
from tests.payments.money_in import payer
from tests.payments.on_chain import NEEDED, PaidOnChain, on_chain  # noqa: F401  a fixture
from wallets.accounts import user_account
from wallets.actions.transfer import transfer
from wallets.debts import debt_of, loss_account, require_no_debt
from wallets.errors import DebtOpen
from wallets.models import Operation
from wallets.money import Money
from wallets.proof import check_ledger
from wallets.queries import balance_of, balances_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _books_stay_green(transactional_db: None) -> Iterator[None]:
    yield
    assert check_ledger(full=True).breaches == []


def available(name: str = "bea") -> Money:
    return balances_of(payer(name).pk).get(("available", "USD"), Money(0, "USD"))


def posted() -> list[str]:
    """What was posted for the deposit, in order."""
    pk = Deposit.objects.get().pk
    keys = Operation.objects.order_by("pk").values_list("key", flat=True)
    return [key.removeprefix(f"deposit:{pk}:") for key in keys if key.startswith("deposit:")]


def claim() -> ChainClaim:
    return ChainClaim.objects.get()


def spend(amount: int) -> None:
    """Bea gives money away: it is no longer hers to be taken back."""
    source, target = user_account(payer().pk, "USD"), user_account(payer("sol").pk, "USD")
    transfer(actor=None, key="spent", source=source, target=target, money=Money(amount, "USD"))


def test_gone_it_is_taken_back_and_told_and_mined_again_it_is_credited_again(
    on_chain: PaidOnChain,  # noqa: F811
    settings: Settings,
) -> None:
    settings.STAFF_EMAILS = ["staff@example.org"]
    txid = on_chain.confirmed(on_chain.asked())
    assert (available(), posted()) == (Money(2000, "USD"), ["credit:1"])

    on_chain.drop(txid)
    assert on_chain.recheck() == 1
    assert (available().minor, posted()) == (0, ["credit:1", "uncredit:1"])
    deposit = Deposit.objects.get()
    assert (deposit.state, deposit.value_minor, deposit.confirmed_at) == (DepositState.PENDING, None, None)
    assert (claim().state, claim().note, claim().recheck_at) == (ClaimState.WAITING, "gone", None)
    credit, reversal = Operation.objects.order_by("pk")
    assert reversal.reverses_id == credit.pk

    told = Event.objects.get(kind="deposit.vanished")
    assert told.data == {
        "user_id": payer().pk,
        "value": "20.00 USD",
        "received": str(deposit.money),
        "from_available": "20.00 USD",
        "debt": "",
        "purpose": "wallet",
        "reference": deposit.intent.reference if deposit.intent else "",
        "cause": "gone",
        "txid": txid,
    }
    while fan_out():
        pass
    templates = set(Delivery.objects.filter(event=told).values_list("template", "audience"))
    assert templates == {("deposit_vanished", "user"), ("staff_deposit_vanished", "staff:staff@example.org")}

    on_chain.mine_again(txid)
    on_chain.look()
    assert (claim().confirmations, available().minor) == (0, 0)
    on_chain.chain.mine(NEEDED)
    on_chain.look()
    assert (available(), posted()) == (Money(2000, "USD"), ["credit:1", "uncredit:1", "credit:2"])
    assert (claim().state, Deposit.objects.get().state) == (ClaimState.PROVEN, DepositState.CONFIRMED)
    assert on_chain.recheck() == 0


def test_moved_into_another_block_that_is_deep_nothing_happens_twice(on_chain: PaidOnChain) -> None:  # noqa: F811
    txid = on_chain.confirmed(on_chain.asked())
    before = claim().block_hash
    on_chain.chain.mine(5)
    on_chain.move(txid)
    assert on_chain.block_of(txid) != before
    assert on_chain.recheck() == 0
    assert claim().block_hash == on_chain.block_of(txid)
    assert claim().recheck_at is not None
    assert (available(), posted(), InboxEvent.objects.count()) == (Money(2000, "USD"), ["credit:1"], 1)


def test_moved_into_a_block_that_is_not_deep_it_is_counted_and_credited_again(on_chain: PaidOnChain) -> None:  # noqa: F811
    txid = on_chain.confirmed(on_chain.asked())
    on_chain.drop(txid)
    on_chain.mine_again(txid)
    assert on_chain.recheck() == 1
    assert (available().minor, claim().note, claim().confirmations) == (0, "moved", 0)
    assert Event.objects.get(kind="deposit.vanished").data["cause"] == "moved"
    on_chain.chain.mine(NEEDED)
    on_chain.look()
    assert (available(), posted()) == (Money(2000, "USD"), ["credit:1", "uncredit:1", "credit:2"])


def test_in_the_same_block_it_is_looked_at_until_that_is_deep(on_chain: PaidOnChain) -> None:  # noqa: F811
    on_chain.confirmed(on_chain.asked())
    on_chain.chain.mine(NEEDED - 1)
    assert on_chain.recheck() == 0
    assert (claim().confirmations, claim().recheck_at is None) == (2 * NEEDED - 1, False)
    on_chain.chain.mine(1)
    assert on_chain.recheck() == 0
    assert (claim().confirmations, claim().recheck_at, claim().state) == (2 * NEEDED, None, ClaimState.PROVEN)
    assert posted() == ["credit:1"]


def test_money_that_is_spent_becomes_a_debt_that_blocks_withdrawals_and_is_collected(
    on_chain: PaidOnChain,  # noqa: F811
) -> None:
    txid = on_chain.confirmed(on_chain.asked())
    spend(1500)
    on_chain.drop(txid)
    on_chain.recheck()
    bea = payer()
    assert (available().minor, debt_of(bea.pk)) == (0, Money(1500, "USD"))
    assert balance_of(loss_account(bea.pk, "USD")) == Money(-1500, "USD")
    told = Event.objects.get(kind="deposit.vanished").data
    assert (told["from_available"], told["debt"]) == ("5.00 USD", "15.00 USD")
    with pytest.raises(DebtOpen):
        require_no_debt(bea.pk)

    source, target = user_account(payer("sol").pk, "USD"), user_account(bea.pk, "USD")
    transfer(actor=None, key="returned", source=source, target=target, money=Money(400, "USD"))
    assert (available().minor, debt_of(bea.pk)) == (0, Money(1100, "USD"))

    on_chain.mine_again(txid)
    on_chain.chain.mine(NEEDED)
    on_chain.look()
    assert (available(), debt_of(bea.pk)) == (Money(900, "USD"), Money(0, "USD"))
    assert balance_of(loss_account(bea.pk, "USD")) == Money(0, "USD")
    assert Event.objects.filter(kind="debt.collected").count() == 2
    require_no_debt(bea.pk)


def test_money_in_suspense_goes_back_whole_and_comes_back(on_chain: PaidOnChain) -> None:  # noqa: F811
    """An amount that nobody asked for waits at the desk; nobody is charged when it vanishes."""
    txid = on_chain.confirmed(on_chain.asked(), amount=500_000_000)
    assert (claim().state, len(unassigned())) == (ClaimState.HELD, 1)
    on_chain.drop(txid)
    assert on_chain.recheck() == 1
    assert (unassigned(), posted()) == ([], ["credit:1", "uncredit:1"])
    assert Event.objects.get(kind="deposit.vanished").data["user_id"] is None
    on_chain.mine_again(txid)
    on_chain.chain.mine(NEEDED)
    on_chain.look()
    assert [one.minor for one in unassigned()] == [500_000_000]
    assert posted() == ["credit:1", "uncredit:1", "credit:2"]


def test_while_no_node_can_be_believed_nothing_is_concluded(on_chain: PaidOnChain, settings: Settings) -> None:  # noqa: F811
    txid = on_chain.confirmed(on_chain.asked())
    on_chain.drop(txid)
    settings.CHAIN_ENDPOINTS = {"ethereum": ["http://127.0.0.1:9"]}
    assert on_chain.recheck() == 0
    assert (claim().state, claim().recheck_at is not None, posted()) == (ClaimState.PROVEN, True, ["credit:1"])
    settings.CHAIN_ENDPOINTS = {"ethereum": [on_chain.chain.url]}
    assert on_chain.recheck() == 1


def test_nodes_that_disagree_take_nothing_back(on_chain: PaidOnChain, settings: Settings) -> None:  # noqa: F811
    """One node has lost the transaction, another one still has it: unknown means wait."""
    on_chain.confirmed(on_chain.asked())
    with _Forgetful(on_chain.chain.url) as forgetful:
        settings.CHAIN_ENDPOINTS = {"ethereum": [forgetful.url, on_chain.chain.url]}
        assert on_chain.recheck() == 0
    assert (claim().state, claim().recheck_at is not None, posted()) == (ClaimState.PROVEN, True, ["credit:1"])


def test_a_node_that_forgot_the_transaction_but_has_its_block_takes_nothing_back(
    on_chain: PaidOnChain,  # noqa: F811
    settings: Settings,
) -> None:
    on_chain.confirmed(on_chain.asked())
    with _Forgetful(on_chain.chain.url) as forgetful:
        settings.CHAIN_ENDPOINTS = {"ethereum": [forgetful.url]}
        assert on_chain.recheck() == 0
    assert (claim().state, posted()) == (ClaimState.PROVEN, ["credit:1"])
    chains.forget_readers()


def test_what_a_look_saw_that_was_overtaken_is_thrown_away(on_chain: PaidOnChain, settings: Settings) -> None:  # noqa: F811
    """F36: somebody frozen takes up again after another one has looked."""
    txid = on_chain.confirmed(on_chain.asked())
    on_chain.drop(txid)

    def somebody_else_looks() -> None:
        ChainClaim.objects.update(attempts=F("attempts") + 1)
        connection.close()

    with _Forgetful(on_chain.chain.url, before_answering=somebody_else_looks) as node:
        settings.CHAIN_ENDPOINTS = {"ethereum": [node.url]}
        assert on_chain.recheck() == 0
    assert (claim().state, posted(), InboxEvent.objects.count()) == (ClaimState.PROVEN, ["credit:1"], 1)


def test_a_trade_is_frozen_while_its_payment_is_in_no_block_and_goes_on_afterwards(on_chain: PaidOnChain) -> None:  # noqa: F811
    """Both halves: the chain, the books and the trade."""
    trade = a_waiting_trade(price="20.00")
    total = Pricing.of(trade).buyer_total
    intent = on_chain.asked("bea", total.plain(), purpose="escrow", reference=trade.public_id)
    txid = on_chain.confirmed(intent)
    trade.refresh_from_db()
    assert (trade.status, held_by(trade), trade.frozen_at) == (Status.PAYMENT_CONFIRMED, total, None)

    on_chain.drop(txid)
    on_chain.recheck()
    trade.refresh_from_db()
    assert (held_by(trade).minor, trade.frozen_at is None) == (0, False)

    on_chain.mine_again(txid)
    on_chain.chain.mine(NEEDED)
    on_chain.look()
    trade.refresh_from_db()
    assert (trade.status, held_by(trade), trade.frozen_at) == (Status.PAYMENT_CONFIRMED, total, None)
    assert posted() == ["credit:1", "uncredit:1", "credit:2"]


class _Forgetful(ThreadingHTTPServer):
    """A node that passes every question on, but knows no transactions."""

    daemon_threads = True

    def __init__(self, target: str, before_answering: Callable[[], None] = lambda: None) -> None:
        super().__init__(("127.0.0.1", 0), _Passing)
        self.target, self.before_answering = target, before_answering
        self.url = f"http://127.0.0.1:{self.server_port}/"

    def __enter__(self) -> "_Forgetful":
        Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.shutdown()
        self.server_close()


class _Passing(BaseHTTPRequestHandler):
    server: _Forgetful

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        answer = {"jsonrpc": "2.0", "id": body["id"], "result": None}
        if body["method"].startswith("eth_getTransaction"):
            self.server.before_answering()
        else:
            answer = http.request("POST", self.server.target, json=body, timeout=10).json()
        raw = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *_args: object) -> None:
        """Quiet."""
