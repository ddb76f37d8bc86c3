"""What every channel of the worker must do, shown at its wire: it describes its answers, the tests come along."""

import logging
from collections.abc import Iterator
from typing import Any, ClassVar

import pytest
from django.db import transaction

from lockbay import http
from notifications.channels import channel_of
from notifications.channels.base import (
    Accepted,
    AddressDead,
    ChannelAdapter,
    ChannelError,
    ChannelUnavailable,
    Rejected,
    Uncertain,
)
from notifications.rendering import Rendered
from tests.notifications.channels.wires import HttpWire

ADDRESS = "+2348012345678"
TEXT = "Payment confirmed: 21.00 USD is held safe\nAda & <Bea> paid.\nhttps://t.me/LockBayBot"


def a_message(**more: Any) -> Rendered:
    """A notice as rendering makes it."""
    return Rendered("Payment confirmed", "<p>x</p>", TEXT, None, None, "payment_confirmed", "https://desk/1", **more)


class ChannelContract:
    """`taken` is an answer that accepts; the rest are answers by what they mean."""

    name: ClassVar[str]
    settings_needed: ClassVar[dict[str, str]]
    taken: ClassVar[Any]
    provider_id: ClassVar[str]
    temporary: ClassVar[list[Any]]
    dead: ClassVar[list[Any]]
    rejected: ClassVar[list[Any]]
    limited: ClassVar[Any]
    garbage: ClassVar[list[Any]]

    @pytest.fixture(autouse=True)
    def _is_set_up(self, settings: Any) -> None:
        for name, value in self.settings_needed.items():
            setattr(settings, name, value)

    @pytest.fixture
    def wire(self) -> Iterator[Any]:
        wire = HttpWire()
        http.use_transport(wire.transport())
        yield wire
        http.use_transport(None)

    @property
    def adapter(self) -> ChannelAdapter:
        return channel_of(self.name)

    def send(self, **more: Any) -> Accepted:
        return self.adapter.send(a_message(**more), ADDRESS, message_key="delivery-7")

    def refusal(self, wire: Any, answer: Any) -> ChannelError:
        wire.answers(answer)
        with pytest.raises(ChannelError) as refusal:
            self.send()
        return refusal.value

    def test_an_accepted_message_keeps_the_channels_own_id(self, wire: Any) -> None:
        wire.answers(self.taken)
        assert self.send() == Accepted(self.provider_id)
        assert len(wire.requests) == 1

    def test_a_temporary_failure_may_be_tried_again(self, wire: Any) -> None:
        for answer in self.temporary:
            assert type(self.refusal(wire, answer)) is ChannelUnavailable, answer

    def test_a_dead_address_is_told_from_a_rejected_message(self, wire: Any) -> None:
        for answer in self.dead:
            assert type(self.refusal(wire, answer)) is AddressDead, answer
        for answer in self.rejected:
            assert type(self.refusal(wire, answer)) is Rejected, answer

    def test_a_rate_limit_names_the_pause(self, wire: Any) -> None:
        refusal = self.refusal(wire, self.limited)
        assert isinstance(refusal, ChannelUnavailable)
        assert refusal.retry_after == 17.0

    def test_no_connection_is_no_doubt(self, wire: Any) -> None:
        wire.refuses()
        with pytest.raises(ChannelUnavailable):
            self.send()

    def test_a_lost_answer_is_uncertain_unless_the_channel_drops_second_copies(self, wire: Any) -> None:
        wire.hangs()
        with pytest.raises(ChannelUnavailable if self.adapter.deduplicates else Uncertain):
            self.send()

    def test_an_unreadable_answer_is_never_taken_for_acceptance(self, wire: Any) -> None:
        for answer in self.garbage:
            expected = ChannelUnavailable if self.adapter.deduplicates else Uncertain
            assert type(self.refusal(wire, answer)) is expected, answer

    def test_without_its_settings_it_says_that_it_is_not_set_up(self, settings: Any) -> None:
        assert self.adapter.is_configured()
        for name in self.adapter.required_settings():
            kept = getattr(settings, name, None) if name != "BREVO_API_KEY" else settings.ANYMAIL
            setattr(settings, name if name != "BREVO_API_KEY" else "ANYMAIL", {} if isinstance(kept, dict) else "")
            assert not self.adapter.is_configured(), name
            setattr(settings, name if name != "BREVO_API_KEY" else "ANYMAIL", kept)

    def test_neither_number_nor_words_nor_keys_reach_an_error_or_a_log(
        self, wire: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO)
        secrets = [ADDRESS, ADDRESS[1:], "Ada", *(value for value in self.settings_needed.values() if len(value) > 8)]
        for answer in [*self.temporary, *self.dead, *self.rejected, self.limited, *self.garbage]:
            said = str(self.refusal(wire, answer))
            assert not [secret for secret in secrets if secret in said], said
        assert not [secret for secret in secrets if secret in caplog.text]

    def test_refuses_to_work_inside_a_transaction(self, wire: Any, transactional_db: None) -> None:
        with transaction.atomic(), pytest.raises(http.NetworkInsideTransaction):
            self.send()
        assert wire.requests == []
