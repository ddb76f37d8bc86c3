"""Codes and addresses against people who guess, search, bomb, or took over a chat (N2, W7)."""

from datetime import timedelta
from typing import Any

import pytest

from lockbay import clock
from lockbay.events.kinds import Kind
from lockbay.events.models import Event
from lockbay.people.models import Contact
from notifications import jobs, outbound
from notifications.actions.confirm_contact import confirm_contact
from notifications.actions.remove_contact import remove_contact
from notifications.actions.request_code import request_code
from notifications.addresses import read_email, read_phone
from notifications.codes import code_of
from notifications.errors import AddressTaken, TooManyCodes
from notifications.fanout import fan_out
from notifications.models import Delivery
from notifications.rendering import render
from tests import cast
from tests.notifications.mail_wires import CutAfter, Scripted
from tests.notifications.stories import has_email, is_due_now

pytestmark = pytest.mark.django_db(transaction=True)

ADDRESS = "bea@example.org"


def test_a_stranger_does_not_learn_that_an_address_is_known_here(mail_server: type[Scripted]) -> None:
    has_email(cast.bea(), ADDRESS)
    asked = request_code(actor=cast.sol(), channel="email", address=ADDRESS)
    jobs.fan_out()
    assert (asked.verified_at, [mail.to for mail in mail_server.taken]) == (None, [[ADDRESS]])
    with pytest.raises(AddressTaken):  # said to nobody but who reads that mailbox
        confirm_contact(actor=cast.sol(), code=code_of(asked))
    assert Contact.objects.get(verified_at__isnull=False).user == cast.bea()


def test_codes_by_mail_are_limited_too(settings: Any) -> None:
    settings.EMAIL_CODES_A_DAY = 2
    for _ in range(2):
        request_code(actor=cast.sol(), channel="email", address=ADDRESS)
        Contact.objects.update(code_sent_at=clock.real_now() - timedelta(minutes=2))
    with pytest.raises(TooManyCodes):
        request_code(actor=cast.sol(), channel="email", address="another@example.org")
    with pytest.raises(TooManyCodes):
        request_code(actor=cast.bea(), channel="email", address=ADDRESS)


def test_a_code_that_is_too_old_is_not_sent_as_if_it_worked(mail_server: type[Scripted]) -> None:
    request_code(actor=cast.bea(), channel="email", address=ADDRESS)
    fan_out()
    Contact.objects.update(code_sent_at=clock.real_now() - timedelta(minutes=16))
    delivery = Delivery.objects.get()
    assert render(delivery, "email").code == ""
    outbound.send_due()
    delivery.refresh_from_db()
    assert (mail_server.taken, delivery.state) == ([], "skipped")


def test_a_code_that_was_typed_already_is_not_sent_again_and_failed_nowhere(mail_server: type[Scripted]) -> None:
    mail_server.script = [CutAfter()]
    asked = request_code(actor=cast.bea(), channel="email", address=ADDRESS)
    jobs.fan_out()
    confirm_contact(actor=cast.bea(), code=code_of(asked))
    is_due_now(Delivery.objects.get())
    jobs.fan_out()
    assert (len(mail_server.taken), Delivery.objects.get().state) == (1, "skipped")
    assert not Event.objects.filter(kind=Kind.DELIVERIES_EXHAUSTED).exists()


def test_a_mistyped_address_alarms_no_staff(mail_server: type[Scripted]) -> None:
    contact = request_code(actor=cast.bea(), channel="email", address=ADDRESS)
    fan_out()
    Contact.objects.filter(pk=contact.pk).update(address="")
    outbound.send_due()
    assert Delivery.objects.get().state == "failed"
    assert not Event.objects.filter(kind=Kind.DELIVERIES_EXHAUSTED).exists()


@pytest.mark.parametrize("mark", ["\u202a", "\u200e", "\u200b", "\ufeff", "\u2069"])
def test_what_copying_leaves_around_an_address_is_not_part_of_it(mark: str) -> None:
    assert read_phone(f"{mark}+234 801 234 5678{mark}") == "+2348012345678"
    assert read_email(f"{mark}bea@example.org{mark}") == ADDRESS


def test_an_address_that_is_removed_hears_of_it_once_so_that_who_took_the_chat_cannot_hide_it(
    mail_server: type[Scripted],
) -> None:
    has_email(cast.bea(), ADDRESS)
    remove_contact(actor=cast.bea(), channel="email")
    jobs.fan_out()
    jobs.fan_out()
    assert [mail.to for mail in mail_server.taken] == [[ADDRESS]]
    assert "was removed" in mail_server.taken[0].subject
    assert Delivery.objects.filter(template="contact_removed", channel="telegram", recipient=cast.bea()).count() == 1


def test_a_dead_address_that_is_removed_is_left_alone(mail_server: type[Scripted]) -> None:
    has_email(cast.bea(), ADDRESS)
    Contact.objects.update(dead_at=clock.real_now())
    remove_contact(actor=cast.bea(), channel="email")
    jobs.fan_out()
    assert mail_server.taken == []
    assert not Delivery.objects.filter(channel="email", state="failed").exists()


def test_the_address_that_messages_went_to_hears_that_they_go_elsewhere_now(mail_server: type[Scripted]) -> None:
    has_email(cast.bea(), ADDRESS)
    asked = request_code(actor=cast.bea(), channel="email", address="thief@example.org")
    confirm_contact(actor=cast.bea(), code=code_of(asked))
    jobs.fan_out()
    jobs.fan_out()
    assert [mail.to for mail in mail_server.taken] == [[ADDRESS]]
    assert "to another address" in mail_server.taken[0].subject
    assert not Delivery.objects.filter(channel="telegram", recipient=cast.bea()).exists()


def test_a_first_address_or_one_beside_a_dead_one_is_told_to_nobody(mail_server: type[Scripted]) -> None:
    has_email(cast.bea(), ADDRESS)
    Contact.objects.update(dead_at=clock.real_now())
    asked = request_code(actor=cast.bea(), channel="email", address="new@example.org")
    confirm_contact(actor=cast.bea(), code=code_of(asked))
    jobs.fan_out()
    assert mail_server.taken == []
