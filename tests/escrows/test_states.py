"""The life-cycle walks along its table and nowhere else (E2)."""

import pytest
from django.db import IntegrityError, transaction

from escrows.errors import WrongStatus
from escrows.models import Escrow
from escrows.moving import StatusChange, amend, move
from escrows.states import FINAL, FUNDED_ONCE, LIVE, TRANSITIONS, Status, sources_of
from lockbay import clock
from tests.cast import an_offer, bea

pytestmark = pytest.mark.django_db(transaction=True)
CELLS = [(source, target) for source in Status for target in Status]


def a_row_in(status: Status) -> Escrow:
    """A row put into `status` by force, complete for every status."""
    escrow = an_offer()
    now = clock.now()
    facts = {"payment_confirmed_at": now, "deposit_reference": "ref", "delivery_deadline": now, "expires_at": None}
    Escrow.objects.filter(pk=escrow.pk).update(status=status, **facts)
    return Escrow.objects.get(pk=escrow.pk)


@pytest.mark.parametrize(("source", "target"), CELLS, ids=lambda status: status.value)
def test_a_cell_of_the_table_is_walked_or_refused(source: Status, target: Status) -> None:
    escrow = a_row_in(source)
    if target in TRANSITIONS[source]:
        move([StatusChange(escrow, target, {"close_reason": "walked"})])
        stored = Escrow.objects.get(pk=escrow.pk)
        assert (stored.status, stored.version, stored.close_reason) == (target, escrow.version, "walked")
    else:
        with pytest.raises(WrongStatus) as caught, transaction.atomic():
            move([StatusChange(escrow, target)])
        assert (caught.value.current, caught.value.wanted) == (source, target)
        assert Escrow.objects.get(pk=escrow.pk).status == source


def test_every_status_is_live_or_final_and_final_ones_lead_nowhere() -> None:
    assert set(Status) == LIVE | FINAL
    assert not LIVE & FINAL
    assert {status for status in Status if not TRANSITIONS[status]} == FINAL
    assert set(TRANSITIONS) == set(Status)
    for target in Status:
        assert all(target in TRANSITIONS[source] for source in sources_of(target))


def test_a_move_of_an_older_version_is_refused() -> None:
    escrow = an_offer()
    stale = Escrow.objects.get(pk=escrow.pk)
    amend(escrow, {"counterparty_hint": "@sol"}, allowed=LIVE)
    with pytest.raises(WrongStatus):
        move([StatusChange(stale, Status.CANCELLED)])


def test_many_rows_move_in_one_statement(django_assert_num_queries) -> None:  # type: ignore[no-untyped-def]
    escrows = [an_offer() for _ in range(5)]
    with django_assert_num_queries(1):
        move([StatusChange(escrow, Status.CANCELLED, {"close_reason": "x"}) for escrow in escrows])
    assert set(Escrow.objects.values_list("status", "version")) == {(Status.CANCELLED, 2)}


def test_the_status_cannot_be_amended() -> None:
    with pytest.raises(ValueError):
        amend(an_offer(), {"status": Status.ACTIVE.value}, allowed=LIVE)


def test_the_database_refuses_an_unknown_status() -> None:
    escrow = an_offer()
    with pytest.raises(IntegrityError), transaction.atomic():
        Escrow.objects.filter(pk=escrow.pk).update(status="paid")


@pytest.mark.parametrize("status", sorted(FUNDED_ONCE))
@pytest.mark.parametrize(
    "lack",
    [{"payment_confirmed_at": None}, {"deposit_reference": ""}, {"delivery_deadline": None}, {"expires_at": "now"}],
)
def test_the_database_refuses_a_confirmed_trade_that_is_incomplete(status: Status, lack: dict[str, object]) -> None:
    escrow = a_row_in(status)
    if "expires_at" in lack:
        lack = {"expires_at": clock.now()}
    with pytest.raises(IntegrityError), transaction.atomic():
        Escrow.objects.filter(pk=escrow.pk).update(**lack)


def test_the_database_refuses_one_person_on_both_sides() -> None:
    escrow = an_offer()
    with pytest.raises(IntegrityError), transaction.atomic():
        Escrow.objects.filter(pk=escrow.pk).update(seller=bea())
