"""Many rows cost one statement, on both engines (B6)."""

from datetime import UTC, datetime

import pytest
from django.db import DataError, IntegrityError, connection, transaction

from lockbay.models import Heartbeat
from lockbay.people.models import User
from lockbay.setsql import insert_new, lock_each, update_each

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)

pytestmark = pytest.mark.django_db


def beats(*names, detail=None):
    return [{"name": name, "beat_at": NOON, "detail": detail or {}} for name in names]


def users(*names):
    return [User.objects.create(username=name) for name in names]


def test_rows_arrive_whole_and_in_order():
    found = insert_new(Heartbeat, beats("b", "a", detail={"naïve": [1, None]}), returning=["name"])
    assert found == [("b",), ("a",)]
    row = Heartbeat.objects.get(pk="a")
    assert (row.beat_at, row.detail) == (NOON, {"naïve": [1, None]})


def test_with_unique_what_exists_is_left_out_and_left_alone():
    insert_new(Heartbeat, beats("a", detail={"first": True}))
    found = insert_new(Heartbeat, beats("a", "b"), unique="name", returning=["name"])
    assert found == [("b",)]
    assert Heartbeat.objects.get(pk="a").detail == {"first": True}


def test_without_unique_what_exists_is_an_error():
    insert_new(Heartbeat, beats("a"))
    with pytest.raises(IntegrityError), transaction.atomic():
        insert_new(Heartbeat, beats("a"))


def test_a_thousand_rows_cost_one_statement_as_does_one(django_assert_num_queries):
    with django_assert_num_queries(1):
        insert_new(Heartbeat, beats("one"), unique="name")
    with django_assert_num_queries(1):
        insert_new(Heartbeat, beats(*(f"row {number}" for number in range(1000))), unique="name")
    with django_assert_num_queries(1):
        changes = [{"name": f"row {number}", "detail": {"n": number}} for number in range(1000)]
        assert len(update_each(Heartbeat, changes, key="name")) == 1000
    assert Heartbeat.objects.get(pk="row 7").detail == {"n": 7}


def test_every_row_gets_its_own_values_and_the_others_none():
    bea, sol, max_ = users("bea", "sol", "max")
    changed = update_each(
        User, [{"id": bea.pk, "phone": "1"}, {"id": sol.pk, "phone": "2"}, {"id": 10**9, "phone": "9"}]
    )
    assert sorted(changed) == [bea.pk, sol.pk]
    assert [User.objects.get(pk=user.pk).phone for user in (bea, sol, max_)] == ["1", "2", ""]


def test_a_condition_tells_which_rows_it_refused():
    bea, sol = users("bea", "sol")
    User.objects.filter(pk=sol.pk).update(phone="taken")
    rows = [{"id": bea.pk, "phone": "1"}, {"id": sol.pk, "phone": "2"}]
    assert update_each(User, rows, where="t.phone = %s", where_values=[""]) == [bea.pk]
    assert User.objects.get(pk=sol.pk).phone == "taken"


def test_nothing_can_become_something_and_back():
    (bea,) = users("bea")
    for value in (NOON, None):
        update_each(User, [{"id": bea.pk, "blocked_bot_at": value}])
        assert User.objects.get(pk=bea.pk).blocked_bot_at == value


def test_text_that_looks_like_sql_is_text():
    (bea,) = users("bea")
    update_each(User, [{"id": bea.pk, "first_name": "'; DROP TABLE x; -- %s"}])
    assert User.objects.get(pk=bea.pk).first_name == "'; DROP TABLE x; -- %s"


def test_text_that_is_too_long_is_refused_not_cut():
    (bea,) = users("bea")
    if connection.vendor == "postgresql":
        with pytest.raises(DataError), transaction.atomic():
            update_each(User, [{"id": bea.pk, "phone": "1" * 21}])
        assert User.objects.get(pk=bea.pk).phone == ""
    else:  # SQLite keeps what it is given
        update_each(User, [{"id": bea.pk, "phone": "1" * 21}])
        assert len(User.objects.get(pk=bea.pk).phone) == 21


def test_an_empty_list_asks_nothing(django_assert_num_queries):
    with django_assert_num_queries(0):
        assert insert_new(Heartbeat, []) == []
        assert update_each(Heartbeat, []) == []


def test_rows_are_locked_in_primary_key_order_whatever_was_asked():
    bea, sol = users("bea", "sol")
    with transaction.atomic():
        found = lock_each(User, ["sol", "nobody", "bea"], by="username", returning=["id", "username"])
    assert found == [(bea.pk, "bea"), (sol.pk, "sol")]
    assert lock_each(User, [], by="username", returning=["id"]) == []
