"""The statement: every movement, exact, with its running balance, and harmless in a spreadsheet."""

import csv
import io

import pytest

from tests.cast import bea, give, sol, usd
from wallets.accounts import AVAILABLE, HELD, user_account
from wallets.actions.transfer import transfer
from wallets.statement import COLUMNS, harmless, write_statement

pytestmark = pytest.mark.django_db(transaction=True)


def read(raw: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(raw.decode("utf-8-sig"), newline="")))


def hold(amount: str, *, key: str, reference: str = "", memo: str = "") -> None:
    source, target = user_account(bea().pk, "USD", AVAILABLE), user_account(bea().pk, "USD", HELD)
    transfer(actor=None, key=key, source=source, target=target, money=usd(amount), reference=reference, memo=memo)


def test_every_movement_is_there_with_its_running_balance() -> None:
    give(bea(), "100.00")
    give(sol(), "5.00")
    hold("30.55", key="t:1")
    rows = read(write_statement(bea().pk))
    assert [(row["account"], row["amount"], row["balance"], row["asset"]) for row in rows] == [
        ("available", "100.00", "100.00", "USD"),
        ("available", "-30.55", "69.45", "USD"),
        ("held", "30.55", "30.55", "USD"),
    ]


def test_texts_from_outside_cannot_become_formulas() -> None:
    give(bea(), "10.00")
    hold("1.00", key="t:2", reference="=HYPERLINK(1)", memo='  @SUM(A1), "x"')
    last = read(write_statement(bea().pk))[-1]
    assert (last["reference"], last["memo"]) == ("'=HYPERLINK(1)", '\'  @SUM(A1), "x"')


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@a", "\t=1", "\r=1", " =1", "|x", "%x", "\x00=1"])
def test_what_begins_a_formula_gets_an_apostrophe(text: str) -> None:
    assert harmless(text).startswith("'")


def test_plain_words_stay_and_headings_are_worded() -> None:
    assert harmless("ESC_ES101325WZY2_6462e85a") == "ESC_ES101325WZY2_6462e85a"
    first = write_statement(bea().pk, {"when": "Wann", "what": "=evil"}).decode("utf-8-sig").splitlines()[0]
    assert first.split(",")[:3] == ["Wann", "account", "'=evil"]
    assert len(first.split(",")) == len(COLUMNS)


def test_a_long_history_is_read_in_few_queries(django_assert_max_num_queries) -> None:
    give(bea(), "50.00")
    for number in range(30):
        hold("1.00", key=f"t:many:{number}")
    with django_assert_max_num_queries(4):
        assert len(read(write_statement(bea().pk))) == 61
