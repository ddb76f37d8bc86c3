"""The benchmarks' own arithmetic, and that both ways of confirming a trade leave the books green."""

from typing import Any

import pytest

from benchmarks import drain as drain_part
from benchmarks import trades
from benchmarks.load import length_of, request_of
from benchmarks.measuring import Cell, Ratio, run_in_turns
from benchmarks.naive.confirm import confirm
from payments.actions.apply_event import drain
from wallets.proof import check_ledger


def test_a_ratio_says_whether_its_goal_is_met() -> None:
    assert str(Ratio("1", "a / b", 6.0, 10.0, 0.6)).endswith("0.60   goal >= 0.6   ok")
    assert str(Ratio("1", "a / b", 5.0, 10.0, 0.6)).endswith("below")


def test_cells_take_turns_and_the_first_round_is_not_counted() -> None:
    calls: list[str] = []
    cells = [
        Cell("a", lambda: calls.append("a"), 10, prepare=lambda: calls.append("prepare a")),
        Cell("b", lambda: calls.append("b"), 10, timed=lambda: 2.0),
    ]
    run_in_turns(cells, rounds=2)
    assert calls == ["prepare a", "a", "b"] * 3
    assert len(cells[0].rates) == 2
    assert cells[1].per_second == 5.0


def test_a_request_on_the_wire_says_its_length_in_bytes() -> None:
    head, _, body = request_of('{"a":"ï"}', "t=1,v1=2").partition(b"\r\n\r\n")
    assert length_of(head) == len(body) == 10


@pytest.mark.django_db(transaction=True)
def test_the_naive_way_writes_what_ours_writes_and_the_books_stay_green(monkeypatch: Any) -> None:
    monkeypatch.setattr(drain_part, "DRAINED", 3)
    drain_part.age_the_house()  # opens the platform's accounts
    ours, naive = drain_part.Backlog(2), drain_part.Backlog(2)
    naive.fill()
    naive.hide_from_the_drain()
    ours.fill()

    assert drain() == 2
    for inbox_id in naive.inbox_ids:
        confirm(inbox_id)

    for backlog in (ours, naive):
        trades.require_confirmed(backlog.waiting)
    assert check_ledger(full=True).breaches == []
