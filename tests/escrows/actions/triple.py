"""The three tests that every act of a trade inherits: allowed works · every other status refuses and changes nothing ·
a failing last step undoes all."""

from typing import ClassVar

import pytest

from escrows.errors import EscrowRefusal, NotFound
from escrows.models import Escrow
from escrows.states import Status
from lockbay.events import recording
from lockbay.people.models import User
from tests.cast import a_trade_in, snapshot_of, stranger


class LastStepFailed(Exception):
    """Raised after the act has done everything but commit."""


@pytest.mark.usefixtures("books_green")
@pytest.mark.django_db(transaction=True)
class Triple:
    """`allowed`: from → to. `answered`: statuses in which a second click gets the trade as it is."""

    allowed: ClassVar[dict[Status, Status]]
    answered: ClassVar[frozenset[Status]] = frozenset()
    is_for_the_system: ClassVar[bool] = False

    def make_ready(self, escrow: Escrow) -> None:
        """Brings about what the act waits for besides the status, e.g. a deadline that has passed."""

    def act(self, escrow: Escrow, actor: User | None = None) -> object:
        """The act, by `actor` or by whoever may do it."""
        raise NotImplementedError

    @pytest.mark.parametrize("status", Status)
    def test_works_where_allowed_and_changes_nothing_elsewhere(self, status: Status) -> None:
        escrow = a_trade_in(status)
        if status in self.allowed:
            self.make_ready(escrow)
            self.act(escrow)
            escrow.refresh_from_db()
            assert escrow.status == self.allowed[status]
            return
        before = snapshot_of(escrow)
        if status in self.answered:
            self.act(escrow)
        else:
            with pytest.raises(EscrowRefusal):
                self.act(escrow)
        assert snapshot_of(escrow) == before

    def test_a_failing_last_step_undoes_all_and_logs_no_success(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        for status in self.allowed:
            escrow = a_trade_in(status)
            self.make_ready(escrow)
            before = snapshot_of(escrow)
            caplog.clear()
            with monkeypatch.context() as patched:
                patched.setattr(recording, "_hooks", [_fail])
                with pytest.raises(LastStepFailed):
                    self.act(escrow)
            assert snapshot_of(escrow) == before
            assert "ESCROW_" not in caplog.text

    def test_refuses_a_stranger(self) -> None:
        if self.is_for_the_system:
            return
        for status in self.allowed:
            escrow = a_trade_in(status)
            self.make_ready(escrow)
            before = snapshot_of(escrow)
            with pytest.raises(NotFound):
                self.act(escrow, actor=stranger())
            assert snapshot_of(escrow) == before


def _fail(_events: object) -> None:
    raise LastStepFailed
