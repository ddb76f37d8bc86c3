"""Proving an e-mail address: six digits, fifteen minutes, five tries, nothing stored in clear."""

import re
from datetime import timedelta

import pytest

from lockbay import clock
from lockbay.events.kinds import Kind
from lockbay.events.models import Event
from lockbay.people.models import Contact
from notifications import jobs
from notifications.actions.confirm_contact import confirm_contact
from notifications.actions.request_code import request_code
from notifications.errors import AddressMalformed, AddressTaken, CodeExpired, CodeWrong, TooSoonForAnotherCode
from notifications.models import Delivery
from notifications.reach import address_of
from tests import cast
from tests.notifications.mail_wires import Scripted
from tests.notifications.stories import has_email

pytestmark = pytest.mark.django_db(transaction=True)


def code_in(mail_server: type[Scripted]) -> str:
    jobs.fan_out()
    found = re.search(r"\b(\d{6})\b", mail_server.taken[-1].body)
    assert found
    return found[1]


def test_the_code_from_the_mail_proves_the_address(mail_server: type[Scripted]) -> None:
    request_code(actor=cast.bea(), channel="email", address=" bea@Example.ORG ")
    code = code_in(mail_server)
    assert mail_server.taken[0].to == ["bea@example.org"]
    contact = confirm_contact(actor=cast.bea(), code=f" {code[:3]}-{code[3:]} ")
    assert contact.verified_at is not None
    with pytest.raises(CodeExpired):
        confirm_contact(actor=cast.bea(), code=code)


def test_the_code_is_stored_nowhere(mail_server: type[Scripted]) -> None:
    request_code(actor=cast.bea(), channel="email", address="bea@example.org")
    code = code_in(mail_server)
    assert code not in str(list(Contact.objects.values())) + str(list(Event.objects.values()))
    assert code not in str(list(Delivery.objects.values()))


def test_a_wrong_code_is_counted_and_the_fifth_closes_it(mail_server: type[Scripted]) -> None:
    request_code(actor=cast.bea(), channel="email", address="bea@example.org")
    code = code_in(mail_server)
    wrong = f"{(int(code) + 1) % 1_000_000:06d}"
    for left in (4, 3, 2, 1, 0):
        with pytest.raises(CodeWrong) as refusal:
            confirm_contact(actor=cast.bea(), code=wrong)
        assert refusal.value.tries_left == left
    with pytest.raises(CodeExpired):
        confirm_contact(actor=cast.bea(), code=code)


def test_an_old_code_is_refused(mail_server: type[Scripted]) -> None:
    contact = request_code(actor=cast.bea(), channel="email", address="bea@example.org")
    Contact.objects.filter(pk=contact.pk).update(code_sent_at=clock.real_now() - timedelta(minutes=16))
    with pytest.raises(CodeExpired):
        confirm_contact(actor=cast.bea(), code="123456")


def test_another_persons_code_is_worth_nothing(mail_server: type[Scripted]) -> None:
    request_code(actor=cast.bea(), channel="email", address="bea@example.org")
    with pytest.raises(CodeExpired):
        confirm_contact(actor=cast.sol(), code=code_in(mail_server))


def test_digits_of_any_script_are_read(mail_server: type[Scripted]) -> None:
    request_code(actor=cast.bea(), channel="email", address="bea@example.org")
    arabic = "".join("٠١٢٣٤٥٦٧٨٩"[int(digit)] for digit in code_in(mail_server))
    assert confirm_contact(actor=cast.bea(), code=arabic).verified_at is not None


def test_asking_again_at_once_is_refused_and_says_how_long(mail_server: type[Scripted]) -> None:
    request_code(actor=cast.bea(), channel="email", address="bea@example.org")
    with pytest.raises(TooSoonForAnotherCode) as refusal:
        request_code(actor=cast.bea(), channel="email", address="other@example.org")
    assert timedelta(seconds=50) < refusal.value.wait <= timedelta(seconds=60)


def test_an_address_that_somebody_proved_is_taken(mail_server: type[Scripted]) -> None:
    request_code(actor=cast.bea(), channel="email", address="bea@example.org")
    confirm_contact(actor=cast.bea(), code=code_in(mail_server))
    request_code(actor=cast.sol(), channel="email", address="bea@example.org")
    with pytest.raises(AddressTaken):
        confirm_contact(actor=cast.sol(), code=code_in(mail_server))
    assert request_code(actor=cast.bea(), channel="email", address="bea@example.org").verified_at is not None


def test_two_people_cannot_prove_one_address(mail_server: type[Scripted]) -> None:
    request_code(actor=cast.bea(), channel="email", address="both@example.org")
    first = code_in(mail_server)
    request_code(actor=cast.sol(), channel="email", address="both@example.org")
    second = code_in(mail_server)
    confirm_contact(actor=cast.bea(), code=first)
    with pytest.raises(AddressTaken):
        confirm_contact(actor=cast.sol(), code=second)


@pytest.mark.parametrize(
    "address", ["", "bea", "bea@", "@example.org", "a b@example.org", "bea@example.org\nBcc: x@y.z"]
)
def test_what_is_not_an_address_is_refused(address: str) -> None:
    with pytest.raises(AddressMalformed):
        request_code(actor=cast.bea(), channel="email", address=address)
    assert not Event.objects.filter(kind=Kind.CONTACT_CODE_REQUESTED).exists()


def test_an_address_too_long_for_any_mail_server_is_refused() -> None:
    with pytest.raises(AddressMalformed):
        request_code(
            actor=cast.bea(), channel="email", address=f"{'a' * 60}@{'b' * 60}.{'c' * 60}.{'d' * 60}.{'e' * 60}.org"
        )


def test_the_proof_is_not_told_to_the_one_whose_screen_says_it(mail_server: type[Scripted]) -> None:
    request_code(actor=cast.bea(), channel="email", address="bea@example.org")
    confirm_contact(actor=cast.bea(), code=code_in(mail_server))
    jobs.fan_out()
    assert not Delivery.objects.filter(channel="telegram", recipient=cast.bea()).exists()


def test_going_back_to_an_address_proved_before_needs_no_code_and_makes_it_the_one_in_use() -> None:
    for address in ("old@example.org", "new@example.org"):
        has_email(cast.bea(), address)
    request_code(actor=cast.bea(), channel="email", address="old@example.org")
    assert address_of(cast.bea(), "email") == "old@example.org"
    assert not Event.objects.filter(kind=Kind.CONTACT_CODE_REQUESTED).exists()
