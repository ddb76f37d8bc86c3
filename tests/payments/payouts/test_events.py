"""Webhooks about payouts come in by the one door, make us ask, and in any order end as the provider says (P1)."""

import base64
import hashlib
import hmac
import json
from itertools import permutations
from typing import Any

import httpx
import pytest
from django.test import Client
from django_q.models import OrmQ

from payments.actions.apply_event import drain
from payments.actions.send_payout import send_payout
from payments.models import InboxEvent
from payments.payouts.attempts import claim_attempt
from payments.payouts.jobs import ask_payouts, send_payouts
from tests import cast
from tests.payments.money_in import post
from tests.payments.payouts.stories import PlayMoney, a_request, an_approved, attempt_of, make_due, now_of, status_of
from wallets.models import Withdrawal

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("books_green")]


def event_of(withdrawal: Withdrawal, status: str, number: int = 1, reference: str = "") -> bytes:
    """What the play-money provider says by webhook."""
    ours = reference or withdrawal.public_id
    body = {
        "id": f"evt_{ours}_{status}_{number}",
        "type": f"payout.{status}",
        "payment_id": f"po_{ours}",
        "reference": ours,
    }
    return json.dumps(body).encode()


def tell(withdrawal: Withdrawal, status: str, **more: Any) -> None:
    """One webhook, and what the worker that it wakes does."""
    assert post(event_of(withdrawal, status, **more)).status_code == 200
    ask_payouts()


def woken() -> set[str]:
    """The jobs that somebody asked for."""
    return {task.task["func"].rsplit(".", 1)[1] for task in OrmQ.objects.all()}


class TestMatrix:
    def test_an_event_settles_only_by_what_the_provider_answers(self, provider: PlayMoney) -> None:
        withdrawal = an_approved()
        send_payouts()
        tell(withdrawal, "paid")
        assert status_of(withdrawal) == "sent", "the event alone proves nothing"
        provider.set(withdrawal, "paid")
        tell(withdrawal, "paid", number=2)
        assert status_of(withdrawal) == "completed"
        row = InboxEvent.objects.order_by("pk").last()
        assert (row.status, row.error) == ("ignored", "provider_will_be_asked")

    def test_the_same_event_many_times_is_one_effect(self, provider: PlayMoney) -> None:
        withdrawal = an_approved()
        send_payouts()
        provider.set(withdrawal, "paid")
        for _ in range(5):
            tell(withdrawal, "paid")
        assert status_of(withdrawal) == "completed"
        assert InboxEvent.objects.count() == 1

    @pytest.mark.parametrize("order", list(permutations(["paid", "reversed", "paid again"])))
    def test_in_any_order_it_ends_reversed(self, provider: PlayMoney, order: tuple[str, ...]) -> None:
        """The provider paid and took it back; its events come as they like."""
        withdrawal = an_approved()
        send_payouts()
        truth = iter(["paid", "reversed", "reversed"])
        for number, word in enumerate(order):
            provider.set(withdrawal, next(truth))
            tell(withdrawal, word.partition(" ")[0], number=number)
        assert status_of(withdrawal) == "reversed"
        assert cast.wallet_of(cast.bea()) == cast.usd("50.00")

    def test_a_reversal_before_we_heard_of_the_payment_gives_the_money_back(self, provider: PlayMoney) -> None:
        withdrawal = an_approved()
        send_payouts()
        provider.set(withdrawal, "reversed")
        tell(withdrawal, "reversed")
        assert status_of(withdrawal) == "failed"
        tell(withdrawal, "paid", number=2)
        assert status_of(withdrawal) == "failed"
        assert cast.wallet_of(cast.bea()) == cast.usd("50.00")

    def test_a_reference_that_is_not_ours_parks(self, provider: PlayMoney) -> None:
        waiting, claimed = a_request(), an_approved()
        claim_attempt(claimed.pk)
        for reference in ("WD000000NONE", waiting.public_id, claimed.public_id):
            post(event_of(waiting, "paid", reference=reference))
        assert set(InboxEvent.objects.values_list("status", "error")) == {("parked", "unknown_payout")}
        assert not provider.looked_up

    def test_an_event_settles_a_payout_that_is_unknown(self, provider: PlayMoney) -> None:
        withdrawal = an_approved()
        provider.answers = [httpx.ReadTimeout("slow")]
        send_payouts()
        assert status_of(withdrawal) == "unknown"
        provider.set(withdrawal, "paid")
        tell(withdrawal, "paid")
        assert status_of(withdrawal) == "completed"
        assert provider.asked_to_pay == {withdrawal.public_id: 1}

    def test_an_event_that_overtakes_the_answer_waits_for_it(self, provider: PlayMoney) -> None:
        withdrawal = an_approved()
        provider.while_paying = lambda: tell(withdrawal, "paid")
        send_payouts()
        assert status_of(withdrawal) == "sent"
        assert not provider.looked_up
        provider.set(withdrawal, "paid")
        make_due(withdrawal)
        ask_payouts()
        assert status_of(withdrawal) == "completed"

    def test_a_reversal_that_their_answers_do_not_show_yet_is_asked_about_again(self, provider: PlayMoney) -> None:
        withdrawal = an_approved()
        provider.answers = ["paid"]
        send_payouts()
        tell(withdrawal, "reversed")
        assert status_of(withdrawal) == "completed"
        attempt = attempt_of(withdrawal)
        assert attempt.ask_due_at is not None
        assert (attempt.ask_due_at - attempt.asked_at).total_seconds() < 120
        provider.set(withdrawal, "reversed")
        make_due(withdrawal)
        ask_payouts()
        assert status_of(withdrawal) == "reversed"

    def test_a_payment_beside_it_in_the_same_batch_is_credited(self, provider: PlayMoney) -> None:
        from tests.payments.money_in import an_intent, raw_of, stored

        withdrawal = an_approved()
        send_payouts()
        stored(event_of(withdrawal, "paid"))
        stored(event_of(withdrawal, "paid", reference="WD000000NONE"))
        stored(raw_of(an_intent(who=cast.sol())))
        drain()
        assert cast.wallet_of(cast.sol()) == cast.usd("20.00")
        assert sorted(InboxEvent.objects.values_list("status", flat=True)) == ["applied", "ignored", "parked"]


class TestWakeUps:
    def test_an_approval_has_it_sent_at_once(self, provider: PlayMoney) -> None:
        a_request()
        assert "send_payouts" not in woken()
        an_approved()
        assert "send_payouts" in woken()

    def test_an_event_has_it_asked_about_at_once(self, provider: PlayMoney) -> None:
        withdrawal = an_approved()
        send_payouts()
        post(event_of(withdrawal, "paid"))
        assert "ask_payouts" in woken()


class TestRealProviders:
    """The same door for each provider that sends webhooks: its signature, its fixture, its answer."""

    @pytest.fixture(autouse=True)
    def _accounts(self, settings: Any) -> None:
        settings.FLUTTERWAVE_SECRET_KEY, settings.FLUTTERWAVE_WEBHOOK_SECRETS = "FLWSECK_TEST-1", ["hash"]
        settings.FLUTTERWAVE_V4_CLIENT_ID, settings.FLUTTERWAVE_V4_CLIENT_SECRET = "client", "secret"
        settings.FLUTTERWAVE_V4_WEBHOOK_SECRETS = ["hash"]
        settings.FINCRA_SECRET_KEY, settings.FINCRA_BUSINESS_ID = "sk", "64033e4d9fc454765ab40e00"
        settings.FINCRA_WEBHOOK_SECRETS = ["secret"]

    @pytest.mark.parametrize(
        ("adapter", "rail", "fixture", "paid"),
        [
            ("flutterwave", "flutterwave", "transfer_completed__successful", "SUCCESSFUL"),
            ("flutterwave_v4", "flutterwave", "transfer_disburse", "SUCCESSFUL"),
            ("fincra", "fincra", "payout_successful", "successful"),
        ],
    )
    def test_from_the_order_to_the_books(self, settings: Any, adapter: str, rail: str, fixture: str, paid: str) -> None:
        from lockbay import http
        from tests.payments.payouts import test_fincra, test_flutterwave
        from tests.payments.payouts.contract import Wire
        from tests.payments.providers.rails import FIXTURES

        settings.FLUTTERWAVE_PAYOUT_VERSION = "v4" if adapter == "flutterwave_v4" else "v3"
        contract = {
            "flutterwave": test_flutterwave.TestV3,
            "flutterwave_v4": test_flutterwave.TestV4,
            "fincra": test_fincra.TestFincraPayouts,
        }[adapter]()
        wire = Wire()
        http.use_transport(httpx.MockTransport(wire.answer))
        withdrawal = an_approved(rail)
        order: Any = type("Order", (), {"reference": withdrawal.public_id})
        wire.answers = [*contract.preparations(), contract.taken(order)]
        send_payout(actor=None, withdrawal_id=withdrawal.pk)
        assert (status_of(withdrawal), attempt_of(withdrawal).adapter) == ("sent", adapter)

        raw = (FIXTURES / adapter / f"{fixture}.json").read_bytes().replace(b"CO-51", withdrawal.public_id.encode())
        answer = Client().post(
            f"/hooks/{adapter}", data=raw, content_type="application/json", headers=signature_of(adapter, raw)
        )
        assert answer.status_code == 200
        assert status_of(withdrawal) == "sent"
        wire.answers = [self._told(contract, order, paid)]
        ask_payouts()
        assert now_of(withdrawal).status == "completed"

    def _told(self, contract: Any, order: Any, paid: str) -> Any:
        status, body = contract.told(order, paid)
        found = body["data"]
        is_list = isinstance(found, list)  # by its id they answer with the transfer itself
        return status, {**body, "data": found[0] if is_list else found}


def signature_of(adapter: str, raw: bytes) -> dict[str, str]:
    """The headers of a genuine event."""
    if adapter == "flutterwave":
        return {"verif-hash": "hash"}
    if adapter == "flutterwave_v4":
        return {"flutterwave-signature": base64.b64encode(hmac.new(b"hash", raw, hashlib.sha256).digest()).decode()}
    return {"signature": hmac.new(b"secret", raw, hashlib.sha512).hexdigest()}
