"""Every message ends with what to do next, in each of its forms: what is shortened keeps first and last (N7, F37)."""

import re
from pathlib import Path

import pytest
from django.conf import settings as configured

from notifications.rendering import render
from notifications.routing import Audience
from notifications.texts import paragraphs_of
from tests import cast
from tests.notifications.stories import happened
from tests.notifications.test_routing import a_delivery, a_sample
from tests.notifications.test_short_texts import of_people, of_staff

IS_A_REPORT = {"staff_digest"}  # of a day: what is to be done has its own messages
NOTICES = [
    path
    for path in sorted(Path(configured.BASE_DIR, "templates", "notices").glob("*.html"))
    if path.stem not in IS_A_REPORT
]
SAYS_WHAT_NEXT = re.compile(
    r"Next step|What happens next|There is nothing (else |left |more )?to do|You did not ask for it\? Then do nothing"
)
BRANCH = re.compile(r"{%\s*(?:if|elif|else)\b[^%]*%}")


@pytest.mark.parametrize("path", NOTICES, ids=lambda path: path.stem)
def test_the_last_paragraph_says_what_to_do_next_in_each_of_its_branches(path: Path) -> None:
    last = paragraphs_of(path.read_text())[-1]
    for branch in [part for part in BRANCH.split(last) if "blocktranslate" in part]:
        assert SAYS_WHAT_NEXT.search(branch), branch


@pytest.mark.django_db(transaction=True)
def test_a_short_form_keeps_the_next_step() -> None:
    trade = cast.a_delivered_trade()
    for kind, route in of_people():
        event = happened(kind, trade, **a_sample(kind, trade))
        for channel in ("sms", "whatsapp"):
            text = render(a_delivery(event, route.audience, route.template, channel), channel).text
            assert SAYS_WHAT_NEXT.search(text), f"{route.template} by {channel}: {text}"


@pytest.mark.django_db(transaction=True)
def test_what_staff_read_where_there_is_no_table_of_facts_names_what_it_is_about() -> None:
    trade = cast.a_delivered_trade()
    for kind, route in [(kind, route) for kind, route in of_staff() if route.template not in IS_A_REPORT]:
        event = happened(kind, trade, **a_sample(kind, trade))
        text = render(a_delivery(event, Audience.STAFF, route.template, "slack"), "slack").text
        assert SAYS_WHAT_NEXT.search(text), f"{route.template}: {text}"
        assert "below" not in text, f"{route.template}: {text}"
