"""Play-money payments: what came in, and the ways in which a person can pay."""

import asyncio
import re
import secrets
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from . import addresses
from .errors import SandboxRefusal
from .runtime import Sandbox

PAST_THE_WINDOW_SECONDS = 61 * 60
HOW = ("exact", "over", "short_within", "short", "late", "twice", "out_of_order", "bad_signature")
STABLE = ("USDT", "USDC", "USD")
_SHARES = {"over": Decimal("1.07"), "short_within": Decimal("0.98"), "short": Decimal("0.70")}
# keeps "slightly short" inside the tolerance of large amounts too, which is 1 % and at most 10 USD (E8)
_SLIGHTLY_USD = Decimal(5)
_AMOUNT = re.compile(r"(?=.*[1-9])\d{1,18}(\.\d{1,18})?", re.ASCII)


def status_of(payment: dict[str, Any]) -> str:
    """waiting: nothing came; pending: something is unconfirmed; confirmed: all that came is confirmed."""
    states = {transaction["status"] for transaction in payment["transactions"]}
    if not states:
        return "waiting"
    return "pending" if "pending" in states else "confirmed"


def amount_received_of(payment: dict[str, Any]) -> Decimal:
    """The sum of everything that came in, pending or confirmed, in coin."""
    return sum((Decimal(transaction["amount"]) for transaction in payment["transactions"]), Decimal(0))


def amount_usd_of(payment: dict[str, Any]) -> str:
    """The expected amount in USD, empty when the provider was not told and the coin is no dollar."""
    return payment["amount_usd"] or (payment["amount"] if payment["currency"] in STABLE else "")


def amount_for(payment: dict[str, Any], how: str) -> Decimal:
    """The coin amount that a way of paying sends."""
    expected = Decimal(payment["amount"])
    amount = expected * _SHARES.get(how, Decimal(1))
    usd = amount_usd_of(payment)
    if how == "short_within" and usd:
        amount = max(amount, expected - expected * _SLIGHTLY_USD / Decimal(usd))
    places = 6 if payment["currency"] in STABLE else 8
    return amount.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP) if amount != expected else expected


async def pay(
    sandbox: Sandbox, payment_id: str, how: str, *, amount: str = "", confirm_after: float | None = None
) -> dict[str, Any]:
    """Pays to a payment's address and starts the webhooks; returns {"txid", "deliveries"} once the last is on its way.

    `amount` (decimal text, coin) overrides what `how` would send. `confirm_after` is in seconds.
    Raises: SandboxRefusal for an unknown payment, way or amount.
    """
    payment = sandbox.world.data.payments.get(payment_id)
    if payment is None:
        raise SandboxRefusal(404, "unknown_payment")
    if how not in HOW:
        raise SandboxRefusal(400, "unknown_way_to_pay")
    if amount and not _AMOUNT.fullmatch(amount):
        raise SandboxRefusal(400, "bad_amount")
    if how == "late":
        await sandbox.clock.advance(PAST_THE_WINDOW_SECONDS)
    transaction = {
        "txid": addresses.create_txid(payment["network"]),
        "amount": amount or str(amount_for(payment, how)),
        "status": "pending",
        "received_at": sandbox.clock.iso(),
    }
    if how == "bad_signature":
        # a forgery: the provider itself has received nothing
        forged = await _send(sandbox, payment, _event(payment, transaction, "confirmed"), forged=True)
        return {"txid": transaction["txid"], "deliveries": [forged]}
    payment["transactions"].append(transaction)
    sandbox.world.touch()
    wait = sandbox.config.confirm_after_seconds if confirm_after is None else confirm_after
    return {"txid": transaction["txid"], "deliveries": await _announce(sandbox, payment, transaction, how, wait)}


async def _announce(
    sandbox: Sandbox, payment: dict[str, Any], transaction: dict[str, Any], how: str, wait: float
) -> list[dict[str, Any]]:
    pending, confirmed = _event(payment, transaction, "pending"), _event(payment, transaction, "confirmed")
    first, second = (confirmed, pending) if how == "out_of_order" else (pending, confirmed)
    deliveries = [await _send(sandbox, payment, first)]
    await asyncio.sleep(wait)
    transaction["status"] = "confirmed"
    deliveries.append(await _send(sandbox, payment, second))
    if how == "twice":
        deliveries.append(await _send(sandbox, payment, second))
    return deliveries


async def _send(
    sandbox: Sandbox, payment: dict[str, Any], event: dict[str, Any], *, forged: bool = False
) -> dict[str, Any]:
    """Sends an event and waits for the answer to the first try, so that the order on the wire is the order here."""
    delivery = sandbox.webhooks.send(event, payment["webhook_url"], forged=forged)
    while not delivery["answers"] and not sandbox.world.closing:
        await sandbox.world.wait_for_change(1)
    return delivery


def _event(payment: dict[str, Any], transaction: dict[str, Any], status: str) -> dict[str, Any]:
    """The body of a webhook; amount_received is that of this transaction alone."""
    return {
        "id": f"evt_{secrets.token_hex(12)}",
        "type": f"payment.{status}",
        "payment_id": payment["id"],
        "reference": payment["reference"],
        "address": payment["address"],
        "currency": payment["currency"],
        "network": payment["network"],
        "amount_received": transaction["amount"],
        "txid": transaction["txid"],
        "received_at": transaction["received_at"],
    }
