"""What array_literal writes is what the database reads back."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import models
from psycopg import Binary
from psycopg.types.json import Jsonb

from lockbay.array_literals import array_literal
from lockbay.models import Heartbeat
from lockbay.setsql import insert_new

MOMENT = datetime(2026, 5, 1, 12, 30, 15, 123456, tzinfo=UTC)
NASTY = [
    "",
    "null",
    "NULL",
    "a,b",
    '"',
    "\\",
    '\\"',
    "{}",
    "{1,2}",
    " x ",
    "line\nbreak",
    "\t",
    "naïve 💰",
    "%s",
    "'",
    "\u2028",
]


class Colour(models.TextChoices):
    RED = "red"


@pytest.mark.parametrize(
    ("values", "literal"),
    [
        ([], "{}"),
        ([1, None, -(2**63)], "{1,NULL,-9223372036854775808}"),
        ([True, False], "{t,f}"),
        (["", "null", "a,b"], '{"","null","a,b"}'),
        (['"', "\\", "{}"], '{"\\"","\\\\","{}"}'),
        ([Colour.RED], '{"red"}'),
        ([MOMENT], '{"2026-05-01T12:30:15.123456+00:00"}'),
        ([Jsonb({"a": "b"}, dumps=json.dumps)], '{"{\\"a\\": \\"b\\"}"}'),
        ([Binary(b"\x00\xff")], '{"\\\\x00ff"}'),
    ],
)
def test_a_column_becomes_the_literal_that_postgresql_reads(values: list[Any], literal: str) -> None:
    assert array_literal(values) == literal


def test_a_type_that_is_not_known_is_refused() -> None:
    with pytest.raises(TypeError, match="float"):
        array_literal([1.5])


@pytest.mark.django_db
def test_texts_full_of_signs_come_back_as_they_were() -> None:
    rows = [{"name": text, "beat_at": MOMENT, "detail": {text: [text, None, 1]}} for text in NASTY]
    assert insert_new(Heartbeat, rows, returning=["name"]) == [(text,) for text in NASTY]
    for text in NASTY:
        row = Heartbeat.objects.get(pk=text)
        assert (row.beat_at, row.detail) == (MOMENT, {text: [text, None, 1]})
