"""The rules of the house hold everywhere, and each of them can go red."""

from collections.abc import Iterator

import pytest

from tests.architecture import scanning
from tests.architecture.scanning import ROOMS, RULES, Module, modules

BROKEN: dict[str, tuple[str, str]] = {
    "floats_near_money": ("wallets/x.py", "price = 0.1"),
    "swallowed_exceptions": ("payments/x.py", "try:\n    pay()\nexcept Exception:\n    pass"),
    "clocks_of_their_own": ("escrows/x.py", "from datetime import datetime\nnow = datetime.now()"),
    "settings_read_elsewhere": ("payments/x.py", "limit = getattr(settings, 'LIMIT', 3)"),
    "balances_written_elsewhere": ("payments/x.py", "Account.objects.filter(pk=1).update(balance=5)"),
    "statuses_written_elsewhere": ("escrows/x.py", "Escrow.objects.filter(pk=1).update(status='completed')"),
    "payouts_sent_elsewhere": ("payments/payouts/jobs.py", "adapter_of_rail(rail).send(order)"),
    "actions_out_of_shape": ("escrows/actions/x.py", "def release(escrow, actor):\n    '''Does.'''"),
    "banned_names": ("payments/utils.py", ""),
    "sentences_in_python": ("telegrambot/handlers/x.py", "reply('Your money is on its way')"),
}


@pytest.fixture(scope="module", autouse=True)
def _forget_the_modules() -> Iterator[None]:
    """Their trees are large, and the tests after these have no use for them."""
    yield
    modules.cache_clear()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_holds_in_every_room(rule: scanning.Rule) -> None:
    assert [finding for module in modules(*ROOMS) for finding in rule(module)] == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_goes_red_when_it_is_broken(rule: scanning.Rule) -> None:
    path, source = BROKEN[rule.__name__]
    assert list(rule(Module.of(path, source)))


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("wallets/x.py", "ratio = minor / 3"),
        ("escrows/x.py", "fee = models.FloatField()"),
        ("payments/x.py", "try:\n    pay()\nexcept:\n    status = 'done'"),
        ("escrows/x.py", "escrow.status = 'completed'"),
        ("payments/x.py", "withdrawal.status = 'processing'"),
        ("payments/x.py", "Withdrawal.objects.filter(pk=1).update(status='sent')"),
        ("payments/x.py", "insert_new(Entry, rows)"),
        ("payments/payouts/x.py", "rail._send(order)"),
        ("telegrambot/x.py", "from payments.payouts import payout_adapter\npayout_adapter('kraken').send(order)"),
        ("payments/x.py", "rail.place('POST', url)"),
        ("lockbay/x.py", "import os\nkey = os.environ['KEY']"),
    ],
)
def test_other_ways_to_break_a_rule_are_seen_too(path: str, source: str) -> None:
    assert [finding for rule in RULES for finding in rule(Module.of(path, source))]
