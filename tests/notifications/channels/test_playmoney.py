"""The sandbox's phones: what they take lies in its mailbox."""

from typing import Any

import pytest
from django.db import transaction

from lockbay.http import NetworkInsideTransaction
from notifications.channels.base import Accepted
from notifications.channels.playmoney import SandboxPhone
from tests.notifications.channels.contract import ADDRESS, TEXT, a_message


def test_an_sms_lies_in_the_mailbox_under_its_number(mailoutbox: Any) -> None:
    phone = SandboxPhone("sms")
    assert phone.is_configured()
    assert phone.send(a_message(), ADDRESS, message_key="delivery-7") == Accepted("sms-delivery-7")
    assert (mailoutbox[0].to, mailoutbox[0].body) == ([f"{ADDRESS}@sms.sandbox"], TEXT)


@pytest.mark.django_db(transaction=True)
def test_it_refuses_to_work_inside_a_transaction() -> None:
    with transaction.atomic(), pytest.raises(NetworkInsideTransaction):
        SandboxPhone("sms").send(a_message(), ADDRESS, message_key="delivery-7")
