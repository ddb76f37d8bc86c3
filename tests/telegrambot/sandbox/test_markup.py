"""Telegram's HTML is read strictly and shown through a whitelist."""

import pytest

from telegrambot.sandbox.errors import BadRequest
from telegrambot.sandbox.markup import read_html, read_plain


def test_keeps_formatting_as_entities_and_as_html() -> None:
    formatted = read_html("Pay <b>105.25 <i>USD</i></b> &amp; wait")
    assert formatted.text == "Pay 105.25 USD & wait"
    assert formatted.html == "Pay <b>105.25 <i>USD</i></b> &amp; wait"
    assert formatted.entities == [
        {"type": "italic", "offset": 11, "length": 3},
        {"type": "bold", "offset": 4, "length": 10},
    ]


def test_counts_offsets_in_utf16_units() -> None:
    assert read_html("😀 <b>x</b>").entities == [{"type": "bold", "offset": 3, "length": 1}]


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("<b>open", 'Can\'t find end tag corresponding to start tag "b"'),
        ("<script>x</script>", 'Unsupported start tag "script"'),
        ("line<br>line", 'Unsupported start tag "br"'),
        ("<b><i>x</b></i>", "Unmatched end tag"),
        ("x</b>", "Unexpected end tag"),
        ("1 < 2", "Unclosed start tag"),
        ("<span style='x'>y</span>", 'Unsupported start tag "span"'),
    ],
)
def test_refuses_what_telegram_refuses(source: str, reason: str) -> None:
    with pytest.raises(BadRequest, match="can't parse entities: .*" + reason):
        read_html(source)


@pytest.mark.parametrize(
    "hostile",
    [
        '<a href="javascript:alert(1)">x</a>',
        "<a href=\"https://x.example/\" onclick='alert(1)'>x</a>",
        '<b onmouseover="alert(1)">x</b>',
        "&lt;script&gt;alert(1)&lt;/script&gt;",
        '<code class="x" style="y">x</code>',
        '<a href="https://x.example/&quot;&gt;&lt;img src=x onerror=alert(1)&gt;">x</a>',
    ],
)
def test_lets_no_script_through(hostile: str) -> None:
    html = read_html(hostile).html
    for forbidden in ("javascript:", "onclick=", "onmouseover=", "<script", "<img", "style="):
        assert forbidden not in html


def test_makes_invitations_commands_and_addresses_clickable() -> None:
    html = read_plain("Join t.me/LockBaySandboxBot?start=esc_42. See /menu or https://lockbay.example/a?b=1&c=2").html
    assert 'data-bot="LockBaySandboxBot" data-start="esc_42"' in html
    assert 'data-command="/menu"' in html
    assert 'href="https://lockbay.example/a?b=1&amp;c=2" target="_blank"' in html


def test_marks_commands_of_people_as_entities() -> None:
    assert read_plain("/start esc_42").entities == [{"type": "bot_command", "offset": 0, "length": 6}]
    assert read_plain("1/2 and a/b").entities == []


def test_the_line_break_that_ends_a_quote_is_no_empty_line() -> None:
    formatted = read_html("a\n<blockquote>q</blockquote>\n\nb")
    assert formatted.text == "a\nq\n\nb"
    assert formatted.html == "a\n<blockquote>q</blockquote>\nb"
