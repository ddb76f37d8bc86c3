"""One field of a good answer replaced by rubbish: a reader waits or tells transfers, and never fails in another way."""

import copy
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from payments.chains.base import Wait
from tests.payments.chains.nodes import SCENES, playing, recorded

RUBBISH = (
    None,
    True,
    0,
    -1,
    7,
    10**60,
    "",
    "x",
    "0x",
    "-1",
    "z" * 64,
    " " * 64,
    [],
    [None],
    {},
    {"x": 1},
    [[]],
    "1" * 90,
)
MORE = {
    "tron": ("gettransactioninfobyid", ["tron/done__internal", "tron/done__several", "tron/done__failed"]),
    "solana": ("getTransaction", ["solana/several", "solana/failed"]),
    "aptos": ("/transactions/by_hash/", ["aptos/native__both_events", "aptos/fake_token"]),
    "bitcoin": ("/tx/", ["esplora/several", "esplora/unconfirmed"]),
    "dogecoin": ("/dashboards/transaction/", ["blockchair/dogecoin__mempool"]),
    "cellframe": ("tx_history", ["cellframe/several", "cellframe/old_node"]),
}


def answers_of(chain: str) -> list[tuple[str, Any]]:
    words, names = MORE.get(chain, ("", []))
    return [route for route in SCENES[chain].routes if isinstance(route[1], dict)] + [
        (words, recorded(name)) for name in names
    ]


def places_in(value: Any, here: tuple = ()) -> list[tuple]:
    children = list(value.items()) if isinstance(value, dict) else []
    children += enumerate(value) if isinstance(value, list) else []
    return [(*here, key) for key, _ in children] + [
        place for key, inner in children for place in places_in(inner, (*here, key))
    ]


def broken(value: Any, place: tuple, rubbish: Any) -> Any:
    copied = copy.deepcopy(value)
    inner = copied
    for key in place[:-1]:
        inner = inner[key]
    if rubbish is Ellipsis:
        del inner[place[-1]]
    else:
        inner[place[-1]] = rubbish
    return copied


@pytest.fixture(params=list(SCENES))
def playground(request, settings):
    """The fixture settings of one chain, patched once for all examples."""
    return request.param, settings


@given(data=st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_field_that_is_rubbish_or_missing_never_breaks_a_reader(playground, data):
    chain, django_settings = playground
    words, answer = data.draw(st.sampled_from(answers_of(chain)))
    place = data.draw(st.sampled_from(places_in(answer)))
    rubbish = data.draw(st.sampled_from([*RUBBISH, ...]))
    with playing(SCENES[chain], django_settings) as (reader, nodes):
        nodes.set(words, broken(answer, place, rubbish))
        try:
            transfers = reader.read_transaction(SCENES[chain].txid)
        except Wait:
            return
    assert all(one.raw_amount >= 0 and one.confirmations < 2**31 for one in transfers)
