"""The tests that every act on a withdrawal inherits: allowed works · every other status refuses and changes nothing · a
failing last step undoes all · a second time changes nothing."""

from typing import Any, ClassVar

import pytest

from lockbay.events import recording
from lockbay.people.models import User
from tests.withdrawals.stories import a_withdrawal_in, snapshot_of
from wallets.errors import Refusal
from wallets.models import Withdrawal
from wallets.withdrawal_states import WithdrawalStatus


class LastStepFailed(Exception):
    """Raised after the act has done everything but commit."""


@pytest.mark.usefixtures("books_green")
@pytest.mark.django_db
class Triple:
    """`allowed`: from → to. `answered`: statuses in which a second click gets the withdrawal as it is."""

    allowed: ClassVar[dict[WithdrawalStatus, WithdrawalStatus]]
    answered: ClassVar[frozenset[WithdrawalStatus]] = frozenset()

    def make_ready(self, withdrawal: Withdrawal) -> None:
        """Brings about what the act waits for besides the status."""

    def act(self, withdrawal: Withdrawal, actor: User | None = None) -> object:
        """The act, by `actor` or by whoever may do it."""
        raise NotImplementedError

    @pytest.fixture(autouse=True)
    def _many_a_day(self, settings: Any) -> None:
        settings.WITHDRAWAL_DAILY_LIMIT = 100

    def test_works_where_allowed_and_changes_nothing_elsewhere(self) -> None:
        for status in WithdrawalStatus:
            withdrawal = a_withdrawal_in(status)
            if status in self.allowed:
                self.make_ready(withdrawal)
                self.act(withdrawal)
                withdrawal.refresh_from_db()
                assert withdrawal.status == self.allowed[status]
                continue
            before = snapshot_of(withdrawal)
            if status in self.answered:
                self.act(withdrawal)
            else:
                with pytest.raises(Refusal):
                    self.act(withdrawal)
            assert snapshot_of(withdrawal) == before, status

    def test_a_failing_last_step_undoes_all(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for status in self.allowed:
            withdrawal = a_withdrawal_in(status)
            self.make_ready(withdrawal)
            before = snapshot_of(withdrawal)
            with monkeypatch.context() as patched:
                patched.setattr(recording, "_hooks", [_fail])
                with pytest.raises(LastStepFailed):
                    self.act(withdrawal)
            assert snapshot_of(withdrawal) == before

    def test_a_second_time_changes_nothing(self) -> None:
        for status in self.allowed:
            withdrawal = a_withdrawal_in(status)
            self.make_ready(withdrawal)
            self.act(withdrawal)
            before = snapshot_of(withdrawal)
            self.act(withdrawal)
            assert snapshot_of(withdrawal) == before


def _fail(_events: object) -> None:
    raise LastStepFailed
