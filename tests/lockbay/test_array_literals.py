"""What array_literal writes is what the database reads back."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection, models
from hypothesis import given
from hypothesis import strategies as st
from psycopg import Binary
from psycopg.types.json import Jsonb

from lockbay.array_literals import array_literal

MOMENT = datetime(2026, 5, 1, 12, 30, 15, 123456, tzinfo=UTC)
needs_postgresql = pytest.mark.skipif(
    "connection.vendor != 'postgresql'", reason="arrays are PostgreSQL's"
)


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
