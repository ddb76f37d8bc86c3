"""Several nodes of one chain behind one question: fail-over, pauses that grow, stale heads, agreement (P10, F27).

A node is believed when it serves the right chain and its head is near the best. One question goes to believed nodes in
turn; a fault moves it on to the next. When all have failed it is asked again, three rounds in all. What nobody can
answer is Unknown, which means "wait": it never credits and never refuses.
"""

import random
import time
from collections.abc import Callable, Hashable, Iterable
from datetime import timedelta
from typing import TypeVar

import structlog
from django.conf import settings
from django.db import connection

from lockbay import http
from lockbay.observability.metrics import Tally
from payments.chains.base import NotSeen, Pending, Unknown
from payments.chains.endpoint import Endpoint, NodeFault

log = structlog.stdlib.get_logger(__name__)

UNKNOWN = Tally("lockbay_chain_unknown", "Questions that no node could answer.", ("chain", "reason"))
ROUNDS = 3
_SHORTEST_PAUSE_MS, _LONGEST_PAUSE_MS = 2_000, 10_000
_SECOND = 1_000_000_000
_PROBE_LASTS = 5 * _SECOND
_BEST_LASTS = 600 * _SECOND

T = TypeVar("T")
Sleeper = Callable[[timedelta], None]


def pool_of(
    chain: str,
    *,
    probe: Callable[[Endpoint], int],
    max_lag: int,
    headers: dict[str, str] | None = None,
    seconds: int | None = None,
) -> "Pool":
    """The pool over the nodes that settings.CHAIN_ENDPOINTS names for `chain`. Makes no call.

    `probe` answers a node's head, and raises NodeFault("wrong_chain") when it serves another chain; `max_lag` is in
    blocks; `seconds` limits one call (default: the setting).
    """
    limit = seconds or settings.CHAIN_CALL_SECONDS
    urls = settings.CHAIN_ENDPOINTS.get(chain, [])
    endpoints = [Endpoint(chain, url, headers=headers or {}, seconds=limit) for url in urls]
    return Pool(chain, endpoints, probe=probe, max_lag=max_lag)


class Pool:
    """The nodes of one chain. Used outside transactions only; safe to share between threads."""

    def __init__(
        self, chain: str, endpoints: Iterable[Endpoint], *, probe: Callable[[Endpoint], int], max_lag: int
    ) -> None:
        self.chain, self.endpoints = chain, list(endpoints)
        self.sleep: Sleeper = _sleep
        self._probe, self._max_lag = probe, max_lag
        self._best, self._best_at = -1, 0

    def ask(self, question: Callable[[Endpoint], T]) -> T:
        """The first answer of a believed node. Raises: Unknown; NotSeen when no node that answers knows it."""
        return self._settle(self._gather(question, is_enough=lambda answers: bool(_seen(answers))), facts=None)

    def ask_agreed(self, question: Callable[[Endpoint], T], facts: Callable[[T], Hashable]) -> T:
        """An answer whose `facts` two believed nodes tell alike; one node's word is taken when no other is alive.

        Raises: Unknown when they disagree; NotSeen when no node that answers knows it.
        """

        def is_enough(answers: list[T | NotSeen]) -> bool:
            return _agreed(answers, facts) is not None

        return self._settle(self._gather(question, is_enough=is_enough), facts=facts)

    def head(self) -> int:
        """The head of a believed node. Raises: Unknown."""
        return self.ask(lambda endpoint: endpoint.head)

    def _gather(
        self, question: Callable[[Endpoint], T], *, is_enough: Callable[[list[T | NotSeen]], bool]
    ) -> list[T | NotSeen]:
        if not self.endpoints:
            raise self._unknown("no_endpoint")
        http.refuse_inside_transaction()
        _give_back_connection()
        until = time.monotonic_ns() + settings.CHAIN_QUESTION_SECONDS * _SECOND
        for round_number in range(ROUNDS):
            if round_number and not self._pause(round_number, until):
                break
            answers: list[T | NotSeen] = []
            for endpoint in self._believed_nodes():
                if time.monotonic_ns() > until:
                    break
                try:
                    answers.append(question(endpoint))
                except NotSeen as not_seen:
                    answers.append(not_seen)
                except NodeFault as fault:
                    endpoint.note_fault(fault)
                    continue
                endpoint.note_success()
                if is_enough(answers):
                    return answers
            if answers:
                return answers
        raise self._unknown("no_node_answers")

    def _settle(self, answers: list[T | NotSeen], *, facts: Callable[[T], Hashable] | None) -> T:
        seen = _seen(answers)
        if not seen:
            not_seen = [answer for answer in answers if isinstance(answer, NotSeen)]
            raise next((answer for answer in not_seen if isinstance(answer, Pending)), not_seen[0])
        if facts is None or len(answers) == 1:
            return seen[0]
        agreed = _agreed(answers, facts)
        if agreed is None:
            raise self._unknown("nodes_disagree")
        if isinstance(agreed, NotSeen):
            raise agreed
        return agreed

    def _believed_nodes(self) -> list[Endpoint]:
        """Nodes whose breaker is closed and whose head is near the best one, in the order of the setting."""
        awake = [endpoint for endpoint in self.endpoints if endpoint.may_be_asked() and self._is_probed(endpoint)]
        if not awake:
            return []
        best = self._best_head([endpoint.head for endpoint in awake])
        believed = []
        for endpoint in awake:
            if abs(best - endpoint.head) <= self._max_lag:
                believed.append(endpoint)
            else:
                endpoint.note_fault(NodeFault("stale_head", f"{endpoint.head}, best {best}"))
        return believed

    def _is_probed(self, endpoint: Endpoint) -> bool:
        if endpoint.probed_at and time.monotonic_ns() - endpoint.probed_at < _PROBE_LASTS:
            return True
        try:
            endpoint.head = self._probe(endpoint)
        except NodeFault as fault:
            endpoint.note_fault(fault)
            return False
        endpoint.probed_at = time.monotonic_ns()
        return True

    def _best_head(self, heads: list[int]) -> int:
        """The highest head; of three or more, one that is alone far in front is not taken for the best."""
        ranked = sorted(heads, reverse=True)
        best = ranked[0]
        if len(ranked) >= 3 and ranked[0] - ranked[1] > self._max_lag:
            best = ranked[1]
        elif time.monotonic_ns() - self._best_at < _BEST_LASTS:
            best = max(best, self._best)  # a node that is alone and stuck is measured by what others told before
        if best >= self._best or len(ranked) >= 3:
            self._best, self._best_at = best, time.monotonic_ns()
        return best

    def _pause(self, round_number: int, until: int) -> bool:
        """Waits 2–4 s, then 4–8 s; False when that is too long or every node is being left alone."""
        if not any(endpoint.is_awake for endpoint in self.endpoints):
            return False
        shortest = _SHORTEST_PAUSE_MS * 2 ** (round_number - 1)
        pause = timedelta(milliseconds=random.randint(shortest, min(2 * shortest, _LONGEST_PAUSE_MS)))
        if time.monotonic_ns() + pause // timedelta(microseconds=1) * 1_000 > until:
            return False
        self.sleep(pause)
        return True

    def _unknown(self, reason: str) -> Unknown:
        UNKNOWN.add(self.chain, reason)
        log.warning("CHAIN_UNKNOWN", chain=self.chain, reason=reason)
        return Unknown(f"{self.chain}: {reason}")


def _seen(answers: list[T | NotSeen]) -> list[T]:
    return [answer for answer in answers if not isinstance(answer, NotSeen)]


def _agreed(answers: list[T | NotSeen], facts: Callable[[T], Hashable]) -> T | NotSeen | None:
    """The first answer that another one repeats."""
    told: dict[Hashable, T | NotSeen] = {}
    for answer in answers:
        key = "not seen" if isinstance(answer, NotSeen) else ("seen", facts(answer))
        if key in told:
            return told[key]
        told[key] = answer
    return None


def _give_back_connection() -> None:
    """A slow node never holds a database connection."""
    if not connection.in_atomic_block:  # the block that a test case wraps around a whole test stays open
        connection.close()


def _sleep(pause: timedelta) -> None:
    time.sleep(pause.total_seconds())
