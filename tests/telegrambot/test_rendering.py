"""Texts arrive whatever is in them: escaped, cut kindly, every template renders, every phrase is there (F37)."""

import re
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest
from django.conf import settings
from django.template.loader import get_template

from escrows.errors import NotAllowed, Reason
from lockbay import clock
from telegrambot import rendering
from telegrambot.callback_data import Verb
from telegrambot.commands import COMMANDS, described_commands
from telegrambot.errors import REFUSALS, DraftGone, NotUnderstood, all_refusals, template_of, word_refusal
from telegrambot.keyboards import to
from telegrambot.turn import Screen
from wallets.errors import InsufficientFunds, MalformedAmount
from wallets.money import EMPTY, GROUPED, NEGATIVE, NOT_A_NUMBER, TOO_LONG, TOO_MANY_DIGITS, Money

pytestmark = pytest.mark.django_db

FOLDER = Path(settings.BASE_DIR) / "templates" / "telegram"
CODE = Path(settings.BASE_DIR) / "telegrambot"


class _Balance(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag, attrs) -> None:
        self.open.append(tag)

    def handle_endtag(self, tag) -> None:
        assert self.open.pop() == tag


def is_balanced(text: str) -> bool:
    parser = _Balance()
    parser.feed(text)
    return not parser.open


@pytest.mark.parametrize("path", sorted(FOLDER.rglob("*.*")), ids=lambda path: path.name)
def test_every_template_compiles(path):
    get_template(str(path.relative_to(FOLDER.parent)))


def test_every_screen_that_the_code_names_has_a_template_and_the_other_way_round():
    code = "".join(path.read_text() for path in CODE.rglob("*.py") if "sandbox" not in path.parts)
    named = set(re.findall(r'Screen\(\s*"([a-z_]+)"', code))
    named |= {f"new_{step}" for step in ("side", "counterparty", "amount", "description", "hours", "fee", "review")}
    named |= {f"place_{step}" for step in ("method", "address", "bank", "bank_choice", "account", "confirm")}
    named |= {f"withdraw_{step}" for step in ("amount", "destination", "review")}
    named |= {"pay_how", "pay_how_page", "contact_address", "contact_code", "draft_dropped", "nothing_to_cancel"}
    assert named == {path.stem for path in (FOLDER / "screens").iterdir()}


def test_every_label_that_the_code_names_is_a_phrase():
    code = "".join(path.read_text() for path in CODE.rglob("*.py") if "sandbox" not in path.parts)
    named = set(re.findall(r'(?:Button|to|of_draft)\(\s*"([a-z_]+)"', code))
    named |= set(re.findall(r'of_trade\(\s*"([a-z_]+)"', code)) | set(
        re.findall(r'confirm_keyboard\(\s*escrow, "([a-z_]+)"', code)
    )
    known = rendering.phrases("buttons", {"status": "created"})
    assert named <= set(known)
    assert len(known) > 40


def test_words_go_into_the_phrase_that_they_are_for_and_stay_out_of_the_next_one():
    assert rendering.phrase("buttons", "sum", {"amount": "25.00"}) == "$25.00"
    assert rendering.phrase("buttons", "sum", {"amount": "50.00"}) == "$50.00"
    assert rendering.phrase("buttons", "menu") == rendering.phrase("buttons", "menu") == "🏠 Menu"
    assert "25.00" not in rendering.phrase("buttons", "sum")


def test_every_toast_that_the_code_names_is_a_phrase():
    code = "".join(path.read_text() for path in CODE.rglob("*.py") if "sandbox" not in path.parts)
    assert set(re.findall(r'toast="([a-z_]+)"', code)) <= set(rendering.phrases("toasts"))


def test_every_refusal_of_the_house_is_worded():
    assert set(all_refusals()) | {DraftGone, NotUnderstood} == set(REFUSALS)
    assert {path.stem for path in (FOLDER / "refusals").iterdir()} == set(REFUSALS.values())


def test_an_unknown_error_is_no_refusal():
    with pytest.raises(LookupError):
        template_of(ValueError())


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_has_its_sentence(reason):
    assert len(word_refusal(NotAllowed(reason, until=clock.now() + timedelta(hours=1)))) > 15


@pytest.mark.parametrize("reason", [NOT_A_NUMBER, TOO_MANY_DIGITS, TOO_LONG, NEGATIVE, GROUPED, EMPTY])
def test_every_way_of_getting_an_amount_wrong_is_told_what_is_expected(reason):
    assert re.search(r"\d", word_refusal(MalformedAmount("x", "USD", reason)))


def test_a_refusal_of_the_books_is_worded():
    refusal = InsufficientFunds(code="user:1:available:USD", asset="USD", available=0, wanted=1)
    assert "user:1" not in word_refusal(refusal)


def test_every_command_has_a_description_in_every_language():
    for language, _name in settings.LANGUAGES:
        described = described_commands(language)
        assert [command.command for command in described] == [command.name for command in COMMANDS]
        assert all(1 <= len(command.description) <= 256 for command in described)


HOSTILE = [
    "<script>alert(1)</script>",
    "</b></blockquote>",
    "*_`[markdown](http://x)",
    "&amp; & &lt;",
    "\u202eright to left\u202d",
    "a\u200b\u200c\u200db",
    "🏳️‍🌈👨‍👩‍👧‍👦" * 20,
    "{{ settings.SECRET_KEY }}{% now 'Y' %}",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_only_text(name):
    shown = rendering.render_screen(Screen("start", {"name": name}), language="en").text
    assert is_balanced(shown)
    assert "<script" not in shown
    assert settings.SECRET_KEY not in shown


def test_a_text_that_is_too_long_is_cut_outside_tags_and_all_tags_are_closed():
    long = "<b>" + "ab &amp; <i>cd</i> " * 2000 + "</b>"
    cut = rendering.cut_html(long, 4096)
    assert is_balanced(cut)
    assert cut.endswith("…</b>")
    assert len(rendering.plain_text(cut)) <= 4096
    assert not re.search(r"&[a-z]*…", cut)


def test_emoji_count_as_telegram_counts_them():
    cut = rendering.cut_html("👍" * 4000, 4096)
    assert len(rendering.plain_text(cut).encode("utf-16-le")) // 2 <= 4096


def test_a_short_text_is_left_alone():
    assert rendering.cut_html("<b>short</b>", 4096) == "<b>short</b>"


def test_blank_lines_never_come_twice():
    assert rendering.tidy("  a  \n\n\n\n b\n\n\n") == "a\n\nb"


def test_a_caption_is_cut_at_its_own_limit():
    screen = Screen("start", {"name": "n" * 3000}, photo=b"png")
    assert len(rendering.plain_text(rendering.render_screen(screen, language="en").text)) <= 1024


def test_a_long_label_is_cut():
    button = to("pay", Verb.MENU, money=Money(10**15, "USD"))
    markup = rendering.render_keyboard(((button,),))
    assert markup is not None
    assert len(markup.inline_keyboard[0][0].text) <= 60
