"""What holds for every kind of repair (A3): shown exactly, done once, undone wholly, never for oneself."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import IntegrityError

from lockbay.events import recording
from lockbay.events.kinds import Kind
from lockbay.events.models import Event
from lockbay.people.models import User
from lockbay.people.roles import AUDITOR, MEDIATOR
from tests.at_once import at_once
from tests.cast import max_, olu
from tests.repairs.stories import MENDINGS, REASON, Mending, everything
from tests.withdrawals.stories import ada, third
from wallets.actions.close_repair import close_repair
from wallets.actions.confirm_repair import confirm_repair
from wallets.errors import RepairChanged, RepairRefused
from wallets.models import Entry, Operation, Repair, RepairStatus

pytestmark = pytest.mark.django_db(transaction=True)
each_kind = pytest.mark.parametrize("story", MENDINGS.values(), ids=MENDINGS)


def answer_of(act: Callable[[], object]) -> str:
    """ "done", or the code of the refusal; any other error is the test's."""
    try:
        act()
    except RepairRefused as refusal:
        return refusal.code
    return "done"


def waiting(story: Callable[[], Mending], settings: Any) -> tuple[Mending, Repair]:
    """Proposed by Olu, above the limit."""
    settings.REPAIR_TWO_PEOPLE_ABOVE_USD = Decimal(1)
    mending = story()
    return mending, mending.ask(olu())


@each_kind
def test_it_does_exactly_what_was_shown_and_once(story: Callable[[], Mending]) -> None:
    mending = story()
    before = everything()
    shown = mending.look(olu())
    assert everything() == before, "looking changes nothing"
    repair = mending.ask(olu(), request_key="click", digest=shown.digest)
    assert (repair.status, repair.needs_two, repair.amount) == (RepairStatus.DONE, False, shown.amount)
    done = Operation.objects.filter(key__in=repair.operations)
    posted = Entry.objects.filter(operation__in=done).select_related("account").order_by("pk")
    assert [(e.account.code, e.money) for e in posted] == [(e.account, e.money) for e in shown.entries]
    assert len(shown.entries) >= 2
    facts = Event.objects.order_by("pk").values_list("kind", flat=True)[before["events"] :]
    assert list(facts) == [*shown.messages, Kind.REPAIR_DONE]
    after = everything()
    assert mending.ask(olu(), request_key="click", digest=shown.digest) == repair, "a second click"
    assert everything() == after
    if mending.is_once:
        with pytest.raises(RepairRefused):
            mending.look(olu())


@each_kind
def test_who_may_not_and_what_lacks_its_reason_is_refused(story: Callable[[], Mending]) -> None:
    mending = story()
    digest = mending.look(olu()).digest
    looker = max_()
    looker.groups.set(Group.objects.get_or_create(name=name)[0] for name in (AUDITOR, MEDIATOR))
    before = everything()
    for actor, more, refusal in (
        (looker, {}, "staff_only"),
        (olu(), {"reason": " "}, "needs_reason"),
        (olu(), {"digest": "0" * 32}, "changed"),
    ):
        with pytest.raises(RepairRefused, match=refusal):
            mending.ask(actor, **{"digest": digest, **more})
    assert everything() == before


@each_kind
def test_nobody_repairs_for_himself(story: Callable[[], Mending]) -> None:
    mending = story()
    User.objects.filter(pk=mending.concerns.pk).update(is_staff=True, is_superuser=True)
    own = User.objects.get(pk=mending.concerns.pk)
    before = everything()
    with pytest.raises(RepairRefused, match=r"own_money|escrow_staff_only"):
        mending.look(own)
    with pytest.raises(RepairRefused, match=r"own_money|escrow_staff_only"):
        mending.ask(own, digest=mending.look(olu()).digest)
    assert everything() == before


@each_kind
def test_a_failing_last_step_undoes_all(story: Callable[[], Mending], monkeypatch: pytest.MonkeyPatch) -> None:
    mending = story()
    digest = mending.look(olu()).digest
    before = everything()

    def fail(events: list[Event]) -> None:
        if any(event.kind == Kind.REPAIR_DONE for event in events):
            raise IntegrityError("the last step")

    with monkeypatch.context() as patched:
        patched.setattr(recording, "_hooks", [*recording._hooks, fail])
        with pytest.raises(IntegrityError):
            mending.ask(olu(), digest=digest)
    assert everything() == before
    assert mending.ask(olu(), digest=digest).status == RepairStatus.DONE


@each_kind
def test_clicks_at_once_are_one_repair(story: Callable[[], Mending]) -> None:
    mending = story()
    digest, actor = mending.look(olu()).digest, olu()
    assert len(set(at_once(lambda _: mending.ask(actor, request_key="click", digest=digest).pk, range(4)))) == 1
    assert Repair.objects.get().status == RepairStatus.DONE
    assert Event.objects.filter(kind=Kind.REPAIR_DONE).count() == 1


@pytest.mark.parametrize("name", [name for name in MENDINGS if name != "credit_user"])
def test_two_people_who_mend_the_same_at_once_mend_it_once(name: str) -> None:
    mending = MENDINGS[name]()
    people = [olu(), ada(), third()]
    digest = mending.look(people[0]).digest
    answers = at_once(lambda who: answer_of(lambda: mending.ask(who, digest=digest)), people)
    assert answers.count("done") == 1, answers
    assert Repair.objects.filter(status=RepairStatus.DONE).count() == 1


@each_kind
def test_above_the_limit_nothing_moves_before_another_person_confirms_the_same(
    story: Callable[[], Mending], settings: Any
) -> None:
    mending, repair = waiting(story, settings)
    assert (repair.status, repair.needs_two, repair.operations) == (RepairStatus.PROPOSED, True, [])
    assert Event.objects.latest("pk").kind == Kind.REPAIR_PROPOSED
    waits = everything()
    with pytest.raises(RepairRefused, match="same_person"):
        confirm_repair(actor=olu(), repair_id=repair.pk, digest=repair.digest, reason="me again")
    with pytest.raises(RepairChanged):
        confirm_repair(actor=ada(), repair_id=repair.pk, digest="0" * 32, reason="not looked at")
    assert everything() == waits
    assert mending.look(ada()).digest == repair.digest, "both see the same"
    done = confirm_repair(actor=ada(), repair_id=repair.pk, digest=repair.digest, reason="I checked it too")
    assert (done.status, done.second, done.reason, done.second_reason) == ("done", ada(), REASON, "I checked it too")
    after = everything()
    assert Operation.objects.filter(key__in=done.operations).count() == len(done.operations) > 0
    confirm_repair(actor=ada(), repair_id=repair.pk, digest=repair.digest, reason="a second click")
    with pytest.raises(RepairRefused, match="not_waiting"):
        confirm_repair(actor=third(), repair_id=repair.pk, digest=repair.digest, reason="too late")
    assert everything() == after


@each_kind
def test_two_who_confirm_at_once_have_one_effect(story: Callable[[], Mending], settings: Any) -> None:
    _mending, repair = waiting(story, settings)
    before, people = Operation.objects.count(), [ada(), third()]
    confirm = {"repair_id": repair.pk, "digest": repair.digest, "reason": "checked"}
    answers = at_once(lambda who: answer_of(lambda: confirm_repair(actor=who, **confirm)), people)
    assert sorted(answers) == ["done", "not_waiting"]
    repair.refresh_from_db()
    assert Operation.objects.count() - before == len(repair.operations)


def test_the_second_person_may_not_be_the_one_it_concerns_nor_the_same_under_another_name(
    settings: Any,
) -> None:
    mending, repair = waiting(MENDINGS["credit_user"], settings)
    User.objects.filter(pk=mending.concerns.pk).update(is_staff=True, is_superuser=True)
    own = User.objects.get(pk=mending.concerns.pk)
    User.objects.filter(pk=olu().pk).update(email="Olu@lockbay.example")
    twin = User.objects.create(username="olu2", email="olu@lockbay.example", is_staff=True, is_superuser=True)
    for who, refusal in ((own, "own_money"), (twin, "same_person")):
        with pytest.raises(RepairRefused, match=refusal):
            confirm_repair(actor=who, repair_id=repair.pk, digest=repair.digest, reason="yes")


def test_what_waits_is_refused_by_another_or_withdrawn_by_its_proposer_and_moves_nothing(
    settings: Any,
) -> None:
    _mending, first = waiting(MENDINGS["credit_user"], settings)
    _mending, second = waiting(MENDINGS["credit_user"], settings)
    before = Operation.objects.count()
    for _ in range(2):
        assert close_repair(actor=ada(), repair_id=first.pk, reason="no receipt").status == RepairStatus.REFUSED
        assert close_repair(actor=olu(), repair_id=second.pk, reason="wrong person").status == RepairStatus.WITHDRAWN
    for repair in (first, second):
        with pytest.raises(RepairRefused, match="not_waiting"):
            confirm_repair(actor=third(), repair_id=repair.pk, digest=repair.digest, reason="yes")
    assert Operation.objects.count() == before
    told = Event.objects.filter(subject_type="repair").order_by("pk").values_list("kind", flat=True)
    assert list(told)[-2:] == [Kind.REPAIR_REFUSED, Kind.REPAIR_WITHDRAWN]
