"""The whole trade through real processes, and with one of them killed at every step."""

from pathlib import Path

import pytest

from tests.journeys.house import open_house
from tests.journeys.trade import Trade, require_right_books, require_told_once

pytestmark = pytest.mark.slow


@pytest.mark.timeout(240)
def test_buyer_and_seller_go_from_hello_to_released_money(tmp_path: Path) -> None:
    with open_house(tmp_path, cold=("sandbox", "web", "worker", "bot")) as house:
        for step in Trade(house).steps():
            step.act()
            step.done()
        require_right_books(house)
        require_told_once(house)


@pytest.mark.timeout(400)
@pytest.mark.parametrize("victim", ["bot", "web", "worker"])
def test_a_process_killed_at_every_step_loses_and_doubles_nothing(tmp_path: Path, victim: str) -> None:
    """kill -9 right after each thing a person does, and start again: one trade, one payment, one release."""
    # Bot and worker come back as slowly as in life: who is up at once is killed twice within the same message.
    with open_house(tmp_path, cold={"bot", "worker"} & {victim}) as house:
        for step in Trade(house).steps():
            step.act()
            house.restart(victim)
            step.done()
        require_right_books(house)
        require_told_once(house)
