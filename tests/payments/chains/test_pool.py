"""A pool of nodes believes no single one of them, and says "unknown" when it cannot know (P10, F27)."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import connection, transaction
from pytest_django import Settings

from lockbay.http import NetworkInsideTransaction
from payments.chains import pool as pools
from payments.chains.base import NotSeen, Pending, Unknown
from payments.chains.endpoint import BREAKER_OPEN, CALLS, Endpoint, NodeFault
from payments.chains.pool import Pool, pool_of
from tests.payments.chains.loopback_nodes import BAD_MOODS, Node, running_nodes

GOOD: dict[str, Any] = {"eth_chainId": "0x1", "eth_blockNumber": "0x64", "question": "yes"}


@pytest.fixture(autouse=True)
def _short_limits(settings: Settings) -> None:
    settings.CHAIN_CALL_SECONDS = 1
    settings.CHAIN_BREAKER_SECONDS = 60


@contextmanager
def pooled(settings: Settings, *several: dict[str, Any]) -> Iterator[tuple[Pool, list[Node], list[timedelta]]]:
    """A pool over local nodes, and the pauses it made instead of sleeping."""
    with running_nodes(*several) as nodes:
        settings.CHAIN_ENDPOINTS = {"ethereum": [node.url for node in nodes]}
        pool, pauses = pool_of("ethereum", probe=probe, max_lag=5), list[timedelta]()
        pool.sleep = pauses.append
        yield pool, nodes, pauses


def probe(endpoint: Endpoint) -> int:
    if endpoint.rpc("eth_chainId") != "0x1":
        raise NodeFault("wrong_chain")
    return int(endpoint.rpc("eth_blockNumber"), 16)


def question(endpoint: Endpoint) -> str:
    answer = endpoint.rpc("question")
    if answer is None:
        raise NotSeen("question")
    if answer == "pending":
        raise Pending("question", "mark")
    return str(answer)


class TestFailOver:
    @pytest.mark.parametrize("mood", BAD_MOODS)
    def test_a_node_in_any_bad_mood_is_passed_over(self, settings: Settings, mood: str) -> None:
        with pooled(settings, GOOD, GOOD) as (pool, (bad, good), pauses):
            bad.mood = mood
            assert pool.ask(question) == "yes"
            assert good.count("question") == 1
            assert pauses == []

    @pytest.mark.parametrize("mood", ["reset", "html", "busy"])
    def test_a_node_that_turns_bad_after_its_probe_is_passed_over(self, settings: Settings, mood: str) -> None:
        with pooled(settings, GOOD, GOOD) as (pool, (bad, _good), _pauses):
            assert pool.ask(question) == "yes"
            bad.mood = mood
            assert pool.ask(question) == "yes"

    def test_a_node_that_is_not_there_is_passed_over(self, settings: Settings) -> None:
        with pooled(settings, GOOD) as (pool, _nodes, _pauses):
            addresses = ["http://127.0.0.1:9", "http://127.0.0.1:nine", "no address at all"]
            pool.endpoints[:0] = [Endpoint("ethereum", url, headers={}, seconds=1) for url in addresses]
            assert pool.ask(question) == "yes"

    def test_no_answer_may_come_from_a_memory_in_between(self, settings: Settings) -> None:
        with pooled(settings, GOOD) as (pool, (node,), _pauses):
            pool.ask(question)
            assert {headers["Cache-Control"] for headers in node.headers} == {"no-cache"}


class TestWaiting:
    def test_three_rounds_with_pauses_that_grow_then_unknown(self, settings: Settings) -> None:
        settings.CHAIN_BREAKER_FAILURES = 10
        with pooled(settings, GOOD, GOOD) as (pool, nodes, pauses):
            for node in nodes:
                node.mood = "broken"
            with pytest.raises(Unknown, match="no_node_answers"):
                pool.ask(question)
            assert [node.count("eth_chainId") for node in nodes] == [3, 3]
            assert timedelta(seconds=2) <= pauses[0] <= timedelta(seconds=4) <= pauses[1] <= timedelta(seconds=8)

    def test_a_node_that_recovers_in_the_pause_answers(self, settings: Settings) -> None:
        with pooled(settings, GOOD) as (pool, (node,), _pauses):
            node.mood = "busy"
            pool.sleep = lambda _pause: setattr(node, "mood", "well")
            assert pool.ask(question) == "yes"

    def test_no_round_begins_after_the_time_for_a_question(self, settings: Settings) -> None:
        settings.CHAIN_QUESTION_SECONDS = 1
        with pooled(settings, GOOD) as (pool, (node,), pauses):
            node.mood = "busy"
            with pytest.raises(Unknown):
                pool.ask(question)
            assert pauses == []

    def test_a_chain_without_nodes_is_unknown(self, settings: Settings) -> None:
        with pooled(settings) as (pool, _nodes, _pauses), pytest.raises(Unknown, match="no_endpoint"):
            pool.ask(question)


class TestBreaker:
    def test_a_node_that_fails_three_times_is_left_alone(self, settings: Settings) -> None:
        with pooled(settings, GOOD, GOOD) as (pool, (bad, _good), _pauses):
            bad.mood = "broken"
            opened = BREAKER_OPEN.total("ethereum", pool.endpoints[0].name)
            for _ in range(6):
                assert pool.ask(question) == "yes"
            assert bad.count("eth_chainId") == 3
            assert BREAKER_OPEN.total("ethereum", pool.endpoints[0].name) == opened + 1

    def test_it_is_tried_again_later_and_closed_by_a_success(
        self, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        settings.CHAIN_BREAKER_SECONDS = 0
        with pooled(settings, GOOD) as (pool, (node,), _pauses):
            node.mood = "broken"
            with pytest.raises(Unknown):
                pool.ask(question)
            node.mood = "well"
            assert pool.ask(question) == "yes"
            assert pool.endpoints[0].is_awake

    def test_when_all_are_left_alone_nobody_waits(self, settings: Settings) -> None:
        with pooled(settings, GOOD) as (pool, (node,), pauses):
            node.mood = "broken"
            for _ in range(2):
                with pytest.raises(Unknown):
                    pool.ask(question)
            assert node.count("eth_chainId") == 3
            assert len(pauses) == 2  # all of the first question


class TestHeads:
    def test_a_node_of_another_chain_is_refused(self, settings: Settings) -> None:
        with pooled(settings, GOOD | {"eth_chainId": "0x38", "question": "lie"}, GOOD) as (pool, (wrong, _), _pauses):
            assert pool.ask(question) == "yes"
            assert wrong.count("question") == 0

    def test_a_node_far_behind_the_best_is_not_believed(self, settings: Settings) -> None:
        with pooled(settings, GOOD | {"eth_blockNumber": "0x5e", "question": "old"}, GOOD) as (pool, _nodes, _pauses):
            assert pool.ask(question) == "yes"

    def test_a_node_a_little_behind_is_believed(self, settings: Settings) -> None:
        with pooled(settings, GOOD | {"eth_blockNumber": "0x5f", "question": "ok"}, GOOD) as (pool, _nodes, _pauses):
            assert pool.ask(question) == "ok"

    def test_a_stuck_node_is_not_believed_when_the_good_one_is_gone(self, settings: Settings) -> None:
        with pooled(settings, GOOD, GOOD | {"eth_blockNumber": "0x10", "question": "old"}) as (pool, nodes, _pauses):
            assert pool.ask(question) == "yes"
            nodes[0].mood = "reset"
            pool.endpoints[0].probed_at = 0
            with pytest.raises(Unknown):
                pool.ask(question)

    def test_one_of_three_that_is_alone_far_in_front_is_not_believed(self, settings: Settings) -> None:
        liar = GOOD | {"eth_blockNumber": "0xffffff", "question": "lie"}
        with pooled(settings, liar, GOOD, GOOD) as (pool, _nodes, _pauses):
            assert pool.ask(question) == "yes"
            assert pool.head() == 100


class TestAgreement:
    def test_two_that_say_the_same_are_believed(self, settings: Settings) -> None:
        with pooled(settings, GOOD, GOOD) as (pool, nodes, _pauses):
            assert pool.ask_agreed(question, str) == "yes"
            assert [node.count("question") for node in nodes] == [1, 1]

    def test_two_that_disagree_are_unknown(self, settings: Settings) -> None:
        with pooled(settings, GOOD, GOOD | {"question": "no"}) as (pool, _nodes, _pauses):
            ask = partial(pool.ask_agreed, question, str)
            with pytest.raises(Unknown, match="nodes_disagree"):
                ask()

    def test_one_that_knows_nothing_beside_one_that_does_is_unknown(self, settings: Settings) -> None:
        with pooled(settings, GOOD, GOOD | {"question": None}) as (pool, _nodes, _pauses):
            ask = partial(pool.ask_agreed, question, str)
            with pytest.raises(Unknown, match="nodes_disagree"):
                ask()

    def test_two_of_three_outvote_a_liar(self, settings: Settings) -> None:
        with pooled(settings, GOOD | {"question": "lie"}, GOOD, GOOD) as (pool, _nodes, _pauses):
            assert pool.ask_agreed(question, str) == "yes"

    def test_one_is_believed_when_no_other_is_alive(self, settings: Settings) -> None:
        with pooled(settings, GOOD, GOOD) as (pool, (bad, _good), _pauses):
            bad.mood = "reset"
            assert pool.ask_agreed(question, str) == "yes"

    def test_what_nobody_knows_is_not_seen(self, settings: Settings) -> None:
        with pooled(settings, GOOD | {"question": None}, GOOD | {"question": None}) as (pool, _nodes, _pauses):
            for ask in (lambda: pool.ask(question), lambda: pool.ask_agreed(question, str)):
                with pytest.raises(NotSeen):
                    ask()

    def test_what_waits_with_one_node_is_pending(self, settings: Settings) -> None:
        with pooled(settings, GOOD | {"question": None}, GOOD | {"question": "pending"}) as (pool, _nodes, _pauses):
            with pytest.raises(Pending) as raised:
                pool.ask_agreed(question, str)
            assert raised.value.mark == "mark"

    def test_asking_for_one_answer_goes_on_when_the_first_knows_nothing(self, settings: Settings) -> None:
        with pooled(settings, GOOD | {"question": None}, GOOD) as (pool, _nodes, _pauses):
            assert pool.ask(question) == "yes"


class TestHouseRules:
    @pytest.mark.django_db(transaction=True)
    def test_nothing_is_asked_inside_a_transaction(self, settings: Settings) -> None:
        with pooled(settings, GOOD) as (pool, (node,), _pauses):
            with transaction.atomic(), pytest.raises(NetworkInsideTransaction):
                pool.ask(question)
            assert node.calls == []

    @pytest.mark.django_db(transaction=True)
    def test_no_database_connection_is_held_while_a_node_is_asked(self, settings: Settings) -> None:
        with pooled(settings, GOOD) as (pool, _nodes, _pauses):
            connection.ensure_connection()

            def is_connected(endpoint: Endpoint) -> bool:
                return connection.connection is not None

            assert pool.ask(is_connected) is False

    def test_keys_in_addresses_are_neither_logged_nor_counted(
        self, settings: Settings, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with pooled(settings, GOOD, GOOD) as (pool, (bad, _good), _pauses):
            bad.mood = "broken"
            pool.ask(question)
            seen = caplog.text + capsys.readouterr().out + str(CALLS.counts) + str(pools.UNKNOWN.counts)
            assert "secret-key" not in seen
            assert pool.endpoints[0].name in str(CALLS.counts)
            assert CALLS.total("ethereum", pool.endpoints[0].name) == 1
