"""The affiliates' report at the desk: figures from the books, one query a page (E19)."""

import pytest
from django.urls import reverse

from escrows.actions.make_affiliate_link import make_affiliate_link
from escrows.actions.note_first_start import note_first_start
from tests.cast import a_delivered_trade, bea, max_, olu, released

pytestmark = pytest.mark.django_db
PAGE = "admin:escrows_affiliatelink_changelist"


def test_it_shows_people_trades_and_money(admin_client):
    note_first_start(actor=bea(), code=make_affiliate_link(actor=max_()).code)
    released(a_delivered_trade(price="100.00"))
    released(a_delivered_trade(price="50.00"))
    make_affiliate_link(actor=olu())
    rows = list(admin_client.get(reverse(PAGE)).context["cl"].result_list)
    figures = {row.owner: (row.brought, row.earning_trades, row.earned_minor, row.there_minor) for row in rows}
    assert figures == {max_(): (1, 2, 75, 75), olu(): (0, 0, 0, 0)}


def test_a_row_names_who_was_brought(admin_client):
    link = make_affiliate_link(actor=max_())
    note_first_start(actor=bea(), code=link.code)
    page = admin_client.get(reverse("admin:escrows_affiliatelink_change", args=[link.pk]))
    assert str(bea()) in page.content.decode()


def test_more_rows_cost_no_more_queries(admin_client, django_assert_max_num_queries):
    for person in (bea(), max_(), olu()):
        make_affiliate_link(actor=person)
    with django_assert_max_num_queries(12):
        assert admin_client.get(reverse(PAGE)).status_code == 200
