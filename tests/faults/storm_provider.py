"""A provider of payouts in bad weather: it takes orders and hangs up, loses them, refuses them, has no money, is slow,
pays, and takes back what it paid; all by a seed."""

import random
import time
from collections import Counter
from typing import Any

from tests.payments.payouts.loopback import NO_ANSWER, LoopbackProvider

# What becomes of an order, and how often of a hundred.
MOODS = {
    "accepted": 50,
    "paid": 10,
    "hangs_up": 9,
    "is_slow": 1,
    "breaks": 4,
    "loses_it": 6,
    "refuses": 6,
    "no_funds": 10,
    "too_fast": 4,
}
SLOW_SECONDS = 1.6
PAGE = "?page"
# After these words nothing happened, and the same order may be given again.
NOTHING_HAPPENED = {"no_funds": (402, {"error": "insufficient_funds"}), "too_fast": (429, {"error": "slow_down"})}
_ANSWERS: dict[str, tuple[int, dict[str, Any]]] = {
    "hangs_up": (NO_ANSWER, {}),
    "is_slow": (NO_ANSWER, {}),
    "loses_it": (NO_ANSWER, {}),
    "breaks": (500, {"error": "oops"}),
    "refuses": (422, {"error": "payout_refused"}),
}


class StormyProvider(LoopbackProvider):
    """`asked_to_pay` leaves out what it turned away with the promise that nothing happened. It does not notice a second
    order with the same reference: that would be paid twice."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self.is_calm = False
        super().__init__()

    def forget(self) -> None:
        super().forget()
        self.turned_away: Counter[str] = Counter()
        self.paid: Counter[str] = Counter()
        self.moods: Counter[str] = Counter()

    def take(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """An order, each a payment of its own."""
        reference = body["reference"]
        with self._lock:
            mood = "accepted" if self.is_calm else self._chance.choices(list(MOODS), list(MOODS.values()))[0]
            self.moods[mood] += 1
            if mood in NOTHING_HAPPENED:
                self.turned_away[reference] += 1
                return NOTHING_HAPPENED[mood]
            self.asked_to_pay[reference] += 1
            if mood not in {"loses_it", "refuses"}:
                self._open(body, "paid" if mood == "paid" else "accepted")
            order = dict(self.orders.get(reference, {}))
        if mood == "is_slow":
            time.sleep(SLOW_SECONDS)
        return _ANSWERS.get(mood, (201, order))

    def show(self, reference: str) -> tuple[int, dict[str, Any]]:
        """A question; time passes for the order that is asked about. With PAGE behind it: what people see in the
        provider's own pages."""
        if reference.endswith(PAGE):
            return 200, {"status": self.orders.get(reference.removesuffix(PAGE), {}).get("status", "")}
        with self._lock:
            self.looked_up[reference] += 1
            if not self.is_calm and self._chance.random() < 0.04:
                return 503, {}
            order = self.orders.get(reference)
            if order is None:
                return 404, {"error": "unknown_payout"}
            self._go_on(order)
            return 200, dict(order)

    def _open(self, body: dict[str, Any], status: str) -> None:
        wanted = {name: body[name] for name in ("reference", "amount", "currency")}
        self.orders[body["reference"]] = {"id": f"po_{body['reference']}", **wanted, "status": status}
        self.paid[body["reference"]] += status == "paid"

    def _go_on(self, order: dict[str, Any]) -> None:
        luck = 0.3 if self.is_calm else self._chance.random()
        if order["status"] == "accepted" and luck < 0.7:
            order["status"] = "failed" if luck < 0.1 else "paid"
            self.paid[order["reference"]] += order["status"] == "paid"
        elif order["status"] == "paid" and luck > 0.9:
            order["status"] = "reversed"
