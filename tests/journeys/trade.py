"""A whole trade, step by step, as Bea and Sol do it on their phones. Each step says what to do and what shows that it
is done."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from tests.journeys.house import House, Phone, eventually

PRICE = "100"
# 5 % of 100.00, paid by the buyer: 105.00 in, 100.00 to the seller, 5.00 fee (E4).
SELLER_GETS = "100.00"


@dataclass(frozen=True)
class Step:
    """`act` is done once by a person; `done` waits for what follows."""

    name: str
    act: Callable[[], None]
    done: Callable[[], None]


class Trade:
    """The steps of one trade in a running house."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.bea, self.sol = Phone(house, "bea"), Phone(house, "sol")
        self.invitation = ""
        self.public_id = ""

    def steps(self) -> list[Step]:
        """From hello to the released money."""
        bea, sol = self.bea, self.sol
        return [
            Step("bea says hello", bea.start, lambda: self._has(bea, "new")),
            Step("sol says hello", sol.start, lambda: self._has(sol, "new")),
            Step("bea starts a trade", lambda: bea.say("/new"), lambda: self._has(bea, "n_side")),
            Step("bea buys", lambda: bea.press("n_side", "buyer"), lambda: self._has(bea, "n_skip")),
            Step("bea will send a link", lambda: bea.press("n_skip"), lambda: self._asks(bea, "amount")),
            Step("bea says how much", lambda: bea.say(PRICE), lambda: self._asks(bea, "description")),
            Step("bea says what", lambda: bea.say("Vintage Leica M3, body only"), lambda: self._has(bea, "n_hours")),
            Step("bea says by when", lambda: bea.press("n_hours", "24"), lambda: self._has(bea, "n_fee")),
            Step("bea pays the fee", lambda: bea.press("n_fee", "buyer"), lambda: self._has(bea, "n_create!")),
            Step("bea creates it", lambda: bea.press("n_create!"), self._is_created),
            Step("sol opens the link", lambda: sol.start(self.invitation), lambda: self._has(sol, "refresh")),
            Step("bea is warned of her single channel", lambda: bea.press("pay"), lambda: self._has(bea, "payone!")),
            Step("bea looks how to pay", lambda: bea.press("payone!"), lambda: self._has(bea, "paym!")),
            Step("bea chooses a coin", lambda: bea.press("paym!", "USDT.TRC20"), self._has_address),
            Step("bea pays", self._pay, lambda: self._has(sol, "accept!")),
            Step("sol accepts", lambda: sol.press("accept!"), lambda: self._has(sol, "deliv?")),
            Step("sol has sent it", lambda: sol.press("deliv?"), lambda: self._has(sol, "deliv!")),
            Step("sol says so", lambda: sol.press("deliv!"), lambda: self._has(bea, "rel?")),
            Step("bea wants to release", lambda: bea.press("rel?"), lambda: self._has(bea, "rel_sure?")),
            Step("bea is sure", lambda: bea.press("rel_sure?"), lambda: self._has(bea, "rel!")),
            Step("bea releases", lambda: bea.press("rel!"), self._is_paid_out),
        ]

    def _has(self, phone: Phone, verb: str) -> None:
        eventually(lambda: phone.has(verb), f"{phone.person} is offered {verb}")

    def _asks(self, phone: Phone, step: str) -> None:
        words = {"amount": "What is the price", "description": "What is it about"}[step]
        eventually(lambda: words in (phone.texts() or [""])[-1], f"{phone.person} is asked for the {step}")

    def _is_created(self) -> None:
        link = eventually(
            lambda: re.search(r"start=(inv_[A-Za-z0-9_-]+)", "\n".join(self.bea.texts())), "bea gets an invitation"
        )
        self.invitation = link[1]

    def _has_address(self) -> None:
        payment = eventually(lambda: next(iter(self.house.people.payments()), None), "a payment is asked for")
        assert payment is not None
        self.bea.sees(payment["address"])

    def _pay(self) -> None:
        self.house.people.pay(self.house.people.payments()[0]["id"], "exact")

    def _is_paid_out(self) -> None:
        self.sol.sees(SELLER_GETS)
        eventually(lambda: "completed" in self.house.look()["trades"].values(), "the trade is completed")


def require_right_books(house: House, trades: int = 1) -> None:
    """After `trades` completed trades: the seller has his price each, nothing else is left with users, the proof is
    green."""
    found = house.look()
    sol = found["users"]["sol_sells"]
    assert found["breaches"] == []
    assert found["balances"] == {f"user:{sol}:available:USD": f"{100 * trades}.00"}
    assert list(found["trades"].values()) == ["completed"] * trades
    assert (found["deposits"], found["updates_left"]) == (trades, 0)
    assert found["operations"] == sorted(["escrow_fund", "escrow_release"] * trades)


def _is_all_told(house: House) -> bool:
    """Raises: RuntimeError naming what is not sent."""
    done = {"sent", "delivered", "opened", "skipped"}
    untold = [row for row in house.look()["deliveries"] if row["state"] not in done and not _is_doubtful(row)]
    if untold:
        raise RuntimeError(str(untold))
    return True


def _is_doubtful(row: dict[str, Any]) -> bool:
    """The bot may be killed twice in the very middle of the message to the staff's group. Then nobody knows, nothing is
    tried a third time, and the mail to staff tells them."""
    return bool(row["audience"] == "staff:chat" and row["state"] == "failed" and row["uncertain"])


def require_told_once(house: House) -> None:
    """Every notice reached its person once: sent, at most one more copy where a kill left it uncertain (F1, F2)."""
    # What a killed worker held comes with a later minute's round, once its lease is over.
    eventually(lambda: _is_all_told(house), "every message is sent", within=settings.JOB_LEASE.total_seconds() + 120)
    rows = house.look()["deliveries"]
    # A start that finds the group in doubt tests it again: that is news of the same kind, not the same news.
    told = [row for row in rows if row["channel"] == "telegram" and row["event"] != "staff.tested"]
    names = [(row["event"], row["audience"], row["channel"]) for row in told]
    assert len(rows) >= 3
    assert all(row["attempts"] <= 2 for row in rows), rows
    assert len(names) == len({(event, audience) for event, audience, _ in names})
