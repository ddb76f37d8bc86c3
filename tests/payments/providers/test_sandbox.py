"""The play-money provider keeps the contract."""

from datetime import datetime
from typing import Any

from payments.providers.base import PaymentProvider
from tests.payments.money_in import a_txid, signature_of
from tests.payments.providers.contract import NOW, ProviderContract


class TestSandbox(ProviderContract):
    name = "sandbox"
    credited = {"payment_confirmed__usdt": "12.345678", "payment_confirmed__btc": "0.00051234"}

    def signed_headers(self, raw: bytes, *, at: datetime = NOW, secret: str | None = None) -> dict[str, str]:
        return {"X-Sandbox-Signature": signature_of(raw, at=int(at.timestamp()), secret=secret)}

    def opened(self) -> dict[str, Any]:
        return {
            "id": "pay_1",
            "address": "SANDBOXTabc",
            "amount": "105.310000",
            "currency": "USDT",
            "network": "TRC20",
            "qr_text": "SANDBOXTabc",
        }

    def answered(self, status: str) -> dict[str, Any]:
        one = {"txid": a_txid(1), "amount": "105.31", "status": status, "received_at": "2026-01-15T10:30:00Z"}
        return {
            **self.opened(),
            "reference": "PI1",
            "status": "waiting" if status == "none" else status,
            "amount_received": "105.31",
            "transactions": [] if status == "none" else [one],
        }

    def test_verifies_nothing_outside_the_playground(self, provider: PaymentProvider, settings: Any) -> None:
        settings.PLAYGROUND = False
        self._refuses(provider, b"{}", self.signed_headers(b"{}"))
