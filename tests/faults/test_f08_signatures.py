"""F8 and F9 at the door, for every provider that sends webhooks: an event with a bad signature is 401, and only a
counter moves; one whose signature is too old or of the future too, where a signature says when it was made."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from prometheus_client import REGISTRY

from lockbay.events.models import Event
from payments.models import Deposit, InboxEvent
from tests.payments.providers.rails import RAILS, Rail, configure
from wallets.models import Operation

pytestmark = pytest.mark.django_db(transaction=True)
every_rail = pytest.mark.parametrize("rail", RAILS, ids=lambda rail: rail.name)

GARBAGE = [
    "",
    "x",
    "=" * 5000,
    "t=,v1=",
    "t=１,v1=00",
    "t=99999999999999999999,v1=00",
    "é=ü",
    "null",
    "Zg==",
    "sha256=",
]


@pytest.fixture(autouse=True)
def _accounts(settings: Any) -> None:
    configure(settings)


@every_rail
def test_a_bad_signature_is_401_and_moves_a_counter_only(rail: Rail) -> None:
    raw = rail.event(rail.open(), rail.confirmed)
    good, before = rail.contract.signed_headers(raw, at=datetime.now(UTC)), _refused(rail)
    bad: list[Mapping[str, str]] = [{}, *(dict.fromkeys(good, garbage) for garbage in GARBAGE)]
    bad.append(rail.contract.signed_headers(raw, at=datetime.now(UTC), secret="of somebody else"))
    bad.append({f"X-Other-{name}": value for name, value in good.items()})
    if rail.contract.signs_body:
        bad.append(rail.contract.signed_headers(raw.replace(b"1", b"2", 1), at=datetime.now(UTC)))
    assert [_send(rail, raw, headers) for headers in bad] == [401] * len(bad)
    assert _refused(rail) == before + len(bad)
    _require_nothing_stored()


@every_rail
def test_the_time_of_a_signature_is_kept_within_five_minutes_and_an_honest_redelivery_passes(rail: Rail) -> None:
    raw = rail.event(rail.open(), rail.confirmed)
    far = [rail.contract.signed_headers(raw, at=datetime.now(UTC) + timedelta(seconds=off)) for off in (-310, 310)]
    if rail.contract.is_stamped:
        assert [_send(rail, raw, headers) for headers in far] == [401, 401]
        _require_nothing_stored()
    for off in (-290, 0, 0):  # sent again with a signature of its own
        headers = rail.contract.signed_headers(raw, at=datetime.now(UTC) + timedelta(seconds=off))
        assert _send(rail, raw, headers) == 200
    assert InboxEvent.objects.count() == 1


def _send(rail: Rail, raw: bytes, headers: Mapping[str, str]) -> int:
    answer = Client().post(f"/hooks/{rail.name}", data=raw, content_type="application/json", headers=headers)
    return int(answer.status_code)


def _refused(rail: Rail) -> float:
    labels = {"provider": rail.name, "answer": "401"}
    return REGISTRY.get_sample_value("lockbay_webhooks_total", labels) or 0.0


def _require_nothing_stored() -> None:
    for model in (InboxEvent, Deposit, Operation, Event):
        assert not model.objects.exists(), model
