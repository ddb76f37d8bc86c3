"""Facts are written only with what made them true, and the chains of escrows cannot be forked or altered unseen."""

import pytest
from django.db import IntegrityError, transaction

from lockbay.events import recording
from lockbay.events.errors import RecordedOutsideTransaction
from lockbay.events.kinds import Kind
from lockbay.events.models import Event
from lockbay.events.recording import NewEvent, broken_links, call_after_recording, hash_of, record
from lockbay.observability.correlation import bind_correlation_id, unbind_correlation_id


@pytest.fixture(autouse=True)
def hooks(monkeypatch):
    """No reader but the test's own."""
    mine = []
    monkeypatch.setattr(recording, "_hooks", mine)
    return mine


def created(escrow=1, **data):
    return NewEvent(Kind.ESCROW_CREATED, "escrow", escrow, data=data)


def forge(event, **changes):
    """Writes past the database's guard, as somebody with its keys could."""
    from django.db import connection

    from lockbay.database import AppendOnly

    guard = AppendOnly("events_event")
    statements = guard._statements
    with connection.cursor() as cursor:
        editor = type("Editor", (), {"connection": connection})
        from lockbay import database

        for sql in statements(editor, database._RELEASE):
            cursor.execute(sql)
        Event.objects.filter(pk=event.pk).update(**changes)
        for sql in statements(editor, database._PROTECT):
            cursor.execute(sql)


@pytest.mark.django_db(transaction=True)
def test_outside_a_transaction_nothing_is_recorded():
    with pytest.raises(RecordedOutsideTransaction):
        record([created()])
    assert not Event.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_fact_goes_with_the_transaction_that_made_it():
    with transaction.atomic():
        record([created()])
        transaction.set_rollback(True)
    assert not Event.objects.exists()


@pytest.mark.django_db
def test_a_chain_is_numbered_from_one_and_each_link_names_the_one_before():
    first, second = record([created(), NewEvent(Kind.ESCROW_ACCEPTED, "escrow", 1)])
    (third,) = record([NewEvent(Kind.ESCROW_DELIVERED, "escrow", 1)])
    assert [event.seq for event in (first, second, third)] == [1, 2, 3]
    assert [second.previous_hash, third.previous_hash] == [first.hash, second.hash]
    assert broken_links("escrow", 1) == []


@pytest.mark.django_db
def test_chains_in_one_batch_do_not_mix():
    record([created(1), created(2), NewEvent(Kind.ESCROW_ACCEPTED, "escrow", 1)])
    assert list(Event.objects.order_by("pk").values_list("subject_id", "seq")) == [(1, 1), (2, 1), (1, 2)]
    assert broken_links("escrow", 1) == broken_links("escrow", 2) == []


@pytest.mark.django_db
def test_other_subjects_are_not_chained():
    (event,) = record([NewEvent(Kind.DEPOSIT_CREDITED, "deposit", 1)])
    assert (event.seq, event.hash) == (None, "")


@pytest.mark.django_db
def test_a_list_costs_as_many_statements_as_one(django_assert_num_queries):
    record([created(999)])  # the sandbox's clock is read
    with django_assert_num_queries(2):
        record([created(1)])
    with django_assert_num_queries(2):
        record([created(number) for number in range(2, 102)])


@pytest.mark.django_db
def test_a_fork_is_refused_by_the_database():
    (event,) = record([created()])
    with pytest.raises(IntegrityError), transaction.atomic():
        Event.objects.create(kind="x", subject_type="escrow", subject_id=1, seq=1, at=event.at)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "changes", [{"data": {"price": "9.00 USD"}}, {"kind": "escrow.completed"}, {"seq": 7}, {"hash": "0" * 64}]
)
def test_an_alteration_is_found(changes):
    _first, second, _third = record([created(), NewEvent(Kind.ESCROW_ACCEPTED, "escrow", 1), created()])
    forge(second, **changes)
    assert broken_links("escrow", 1)


@pytest.mark.django_db
def test_the_hash_survives_the_way_to_the_database_and_back():
    (event,) = record([created(note="naïve ☕ \u202e", nested={"b": [1, True, None], "a": "x"})])
    assert hash_of(Event.objects.get(pk=event.pk)) == event.hash


@pytest.mark.django_db
def test_readers_hear_of_a_batch_once_inside_the_transaction(hooks):
    heard = []
    call_after_recording(heard.append)
    call_after_recording(heard.append)
    record([created(1), created(2)])
    record([])
    assert [len(batch) for batch in heard] == [2]
    assert all(event.pk for event in heard[0])


@pytest.mark.django_db
def test_the_correlation_id_of_the_work_goes_along():
    bound = bind_correlation_id("payment-1234")
    try:
        (event,) = record([created()])
    finally:
        unbind_correlation_id()
    assert event.correlation_id == bound == "payment-1234"
