"""Nigerian bank accounts: which banks a rail pays to, and whose account a number is (W5).

An account is saved only with the name that its bank gave for it, shown to the owner first: a wrong digit is somebody
else. Every call is short and made once, because somebody waits for the answer; nothing is assumed when none comes.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any, ClassVar

import structlog
from django.conf import settings

from lockbay import clock, http
from payments import wire
from payments.errors import (
    AccountMalformed,
    AccountUnknown,
    BankUnknown,
    BankUnreachable,
    MethodGone,
    ProviderError,
    Unavailable,
    Unreadable,
)
from payments.models import BankList
from payments.providers import provider_of
from payments.providers.flutterwave import FlutterwaveV4
from wallets.money import Money, exact_money

log = structlog.stdlib.get_logger(__name__)

ACCOUNT_DIGITS = 10  # a NUBAN, the uniform number of the central bank
_ACCOUNT = re.compile(rf"[0-9]{{{ACCOUNT_DIGITS}}}", re.ASCII)
_LIST_LASTS = timedelta(days=1)
_SECONDS = 4
_MOST_BYTES = 1_048_576
_LARGEST_TRANSFER_NGN = 1_000_000  # fees grow with the amount in steps: the highest step is asked for
_MOST_SUGGESTED = 8


@dataclass(frozen=True, slots=True)
class Bank:
    """`code` as the rail wants it, `name` as people know it."""

    code: str
    name: str


class BankDesk(ABC):
    """What a bank rail answers about banks. `tells_fee`: whether `transfer_fee` works."""

    rail: ClassVar[str]
    tells_fee: ClassVar[bool] = False

    @abstractmethod
    def banks(self) -> Sequence[Bank]:
        """Every bank it pays to. Raises: BankUnreachable."""

    @abstractmethod
    def holder_of(self, bank_code: str, account_number: str) -> str:
        """The name on the account. Raises: AccountUnknown, BankUnreachable."""

    def transfer_fee(self) -> Money:
        """What one transfer costs us at most. Raises: Unavailable."""
        raise Unavailable(self.rail, "tells no fee")


class FlutterwaveDesk(BankDesk):
    """Flutterwave v3. Its fee comes by the amount: fixed in naira."""

    rail, tells_fee = "flutterwave", True

    def banks(self) -> Sequence[Bank]:
        return _read_banks(self._get("/banks/NG"))

    def holder_of(self, bank_code: str, account_number: str) -> str:
        body = {"account_number": account_number, "account_bank": bank_code}
        url = f"{settings.FLUTTERWAVE_API_URL}/accounts/resolve"
        return _read_holder(_call(self.rail, "POST", url, headers=self._headers(), json=body), "account_name")

    def transfer_fee(self) -> Money:
        try:
            told = self._get(f"/transfers/fee?amount={_LARGEST_TRANSFER_NGN}&currency=NGN&type=account").get("data")
            row = told[0] if isinstance(told, list) and told else told
            if not isinstance(row, dict) or row.get("currency") != "NGN" or row.get("fee_type") == "percentage":
                raise Unreadable("bad_field", "data")
            return exact_money(wire.read_amount(row.get("fee")).quantize(Decimal("0.01")), "NGN")
        except (BankUnreachable, AccountUnknown, Unreadable) as error:
            raise Unavailable(self.rail, f"transfer fee: {error}") from error

    def _get(self, path: str) -> dict[str, Any]:
        return _call(self.rail, "GET", f"{settings.FLUTTERWAVE_API_URL}{path}", headers=self._headers())

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {settings.FLUTTERWAVE_SECRET_KEY}"}


class FlutterwaveV4Desk(BankDesk):
    """Flutterwave v4: its calls carry the short-lived token of the payments' adapter. It tells no fee beforehand."""

    rail = "flutterwave"

    def banks(self) -> Sequence[Bank]:
        url = f"{settings.FLUTTERWAVE_V4_API_URL}/banks?country=NG"
        return _read_banks(_call(self.rail, "GET", url, headers=self._headers()))

    def holder_of(self, bank_code: str, account_number: str) -> str:
        body = {"account": {"code": bank_code, "number": account_number}, "currency": "NGN"}
        url = f"{settings.FLUTTERWAVE_V4_API_URL}/banks/account-resolve"
        return _read_holder(_call(self.rail, "POST", url, headers=self._headers(), json=body), "account_name")

    def _headers(self) -> dict[str, str]:
        adapter = provider_of("flutterwave_v4")
        assert isinstance(adapter, FlutterwaveV4)  # noqa: S101  the table says so
        try:
            return adapter.headers()
        except ProviderError as error:
            log.warning("BANK_LOOK_UP_FAILED", rail=self.rail, reason=type(error).__name__)
            raise BankUnreachable(self.rail) from error


class FincraDesk(BankDesk):
    """Fincra; what a transfer costs is in its price list only."""

    rail = "fincra"

    def banks(self) -> Sequence[Bank]:
        url = f"{settings.FINCRA_API_URL}/core/banks?country=NG&currency=NGN"
        return _read_banks(_call(self.rail, "GET", url, headers=self._headers()))

    def holder_of(self, bank_code: str, account_number: str) -> str:
        body = {"accountNumber": account_number, "bankCode": bank_code, "type": "nuban"}
        url = f"{settings.FINCRA_API_URL}/core/accounts/resolve"
        return _read_holder(_call(self.rail, "POST", url, headers=self._headers(), json=body), "accountName")

    def _headers(self) -> dict[str, str]:
        return {"api-key": settings.FINCRA_SECRET_KEY, "x-business-id": settings.FINCRA_BUSINESS_ID}


class SandboxDesk(BankDesk):
    """Play money: three banks, and every account has a holder but one that ends in 404."""

    rail = "sandbox"

    def banks(self) -> Sequence[Bank]:
        return [Bank("901", "Lagoon Bank"), Bank("902", "Palm Microfinance Bank"), Bank("903", "Savannah Trust")]

    def holder_of(self, bank_code: str, account_number: str) -> str:
        if account_number.endswith("404"):
            raise AccountUnknown
        return f"PLAY HOLDER {account_number[-4:]}"


_DESKS: dict[str, BankDesk] = {desk.rail: desk for desk in (FlutterwaveDesk(), FincraDesk(), SandboxDesk())}
_V4 = FlutterwaveV4Desk()


def desk_of(rail: str) -> BankDesk:
    """The desk of a rail; of Flutterwave's two generations the one that pays out. Raises: MethodGone for a rail that
    looks up no accounts."""
    if rail not in _DESKS:
        raise MethodGone(rail)
    return _V4 if rail == _V4.rail and settings.FLUTTERWAVE_PAYOUT_VERSION == "v4" else _DESKS[rail]


def desks_that_tell_fees() -> list[BankDesk]:
    """Those with a key, so that they can be asked."""
    desk = desk_of("flutterwave")
    return [desk] if desk.tells_fee and settings.FLUTTERWAVE_SECRET_KEY else []


def banks_called(rail: str, text: str) -> list[Bank]:
    """The banks whose name holds what was typed, best first, a few at most. Raises: BankUnknown, BankUnreachable."""
    wanted = _plain(text)
    if not wanted:
        raise BankUnknown(text[:40])
    found = [bank for bank in known_banks(rail) if wanted in _plain(bank.name) or wanted == bank.code]
    if not found:
        raise BankUnknown(text[:40])
    return sorted(found, key=lambda bank: (not _plain(bank.name).startswith(wanted), bank.name))[:_MOST_SUGGESTED]


def bank_of(rail: str, code: str) -> Bank:
    """The bank with this code. Raises: BankUnknown, BankUnreachable."""
    for bank in known_banks(rail):
        if bank.code == code:
            return bank
    raise BankUnknown(code[:40])


def known_banks(rail: str) -> list[Bank]:
    """The rail's banks, fetched once a day; an old list serves while nobody answers. Raises: BankUnreachable."""
    http.refuse_inside_transaction()
    row = BankList.objects.filter(rail=rail).first()
    if row is not None and abs(clock.real_now() - row.fetched_at) < _LIST_LASTS:
        return _stored(row)
    try:
        banks = sorted(desk_of(rail).banks(), key=lambda bank: bank.name)
    except BankUnreachable:
        if row is None:
            raise
        return _stored(row)
    fresh = {"banks": [[bank.code, bank.name] for bank in banks], "fetched_at": clock.real_now()}
    BankList.objects.update_or_create(rail=rail, defaults=fresh)
    return banks


def require_account_number(text: str) -> str:
    """The ten digits, blanks and dashes aside. Raises: AccountMalformed."""
    digits = re.sub(r"[\s-]", "", text)
    if not _ACCOUNT.fullmatch(digits):
        raise AccountMalformed(ACCOUNT_DIGITS)
    return digits


def _stored(row: BankList) -> list[Bank]:
    return [Bank(code, name) for code, name in row.banks]


def _call(rail: str, method: str, url: str, **options: Any) -> dict[str, Any]:
    """The JSON object of one answer. Raises: AccountUnknown for a refusal of what was asked, BankUnreachable."""
    try:
        answer = http.request_bounded(method, url, seconds=_SECONDS, most_bytes=_MOST_BYTES, **options)
        reply = wire.read_object(answer.content)
    except (http.HTTPError, Unreadable) as error:
        log.warning("BANK_LOOK_UP_FAILED", rail=rail, reason=type(error).__name__)
        raise BankUnreachable(rail) from error
    if answer.status_code in {400, 404, 422}:
        raise AccountUnknown(rail)
    if answer.status_code != 200:
        log.error("BANK_LOOK_UP_FAILED", rail=rail, reason=f"HTTP {answer.status_code}")
        raise BankUnreachable(rail)
    if reply.get("status") not in ("success", True) and reply.get("success") is not True:
        raise AccountUnknown(rail)  # an error inside HTTP 200
    return reply


def _read_banks(reply: dict[str, Any]) -> list[Bank]:
    rows = reply.get("data")
    if not isinstance(rows, list):
        raise BankUnreachable("no list")
    pairs = [(row.get("code"), row.get("name")) for row in rows if isinstance(row, dict)]
    return [
        Bank(code, " ".join(name.split())[:80])
        for code, name in pairs
        if isinstance(code, str) and isinstance(name, str) and re.fullmatch(r"[A-Za-z0-9]{1,12}", code) and name.strip()
    ]


def _read_holder(reply: dict[str, Any], field: str) -> str:
    data = reply.get("data")
    name = data.get(field) if isinstance(data, dict) else None
    if not isinstance(name, str) or not name.strip():
        raise AccountUnknown("no name")
    return " ".join(name.split())[:100]


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.lower())
