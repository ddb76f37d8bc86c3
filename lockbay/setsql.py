"""Set-based SQL that PostgreSQL and SQLite both take: many rows, one statement.

Used where a list must cost as many round trips as a single row (B6). Rows are dicts of field or column attribute
names, all with the same keys; names come from the code, never from input. On PostgreSQL the rows travel as one array a
column, so the statement's text does not depend on their number; on SQLite as VALUES, in chunks below its limit of
bound values.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from django.db import connection, models

from lockbay.array_literals import array_literal

Row = dict[str, Any]
_SQLITE_MOST_VALUES = 30_000
_PASSED_AS_IS = (models.BigAutoField, models.IntegerField, models.CharField, models.TextField, models.ForeignKey)


@dataclass(frozen=True)
class _Columns:
    """What one statement needs to know of its columns: quoted names, PostgreSQL types, and how values are prepared."""

    fields: tuple[Any, ...]
    names: tuple[str, ...]
    types: tuple[str, ...]
    is_plain: tuple[bool, ...]

    def values_of(self, rows: Sequence[Row], keys: Sequence[str]) -> list[list[Any]]:
        """The prepared values, one list a column."""
        return [
            [row[key] for row in rows] if plain else [_prepared(field, row[key]) for row in rows]
            for field, key, plain in zip(self.fields, keys, self.is_plain, strict=True)
        ]


def insert_new(
    model: type[models.Model],
    rows: Sequence[Row],
    *,
    unique: str = "",
    unique_where: str = "",
    returning: Sequence[str] = (),
) -> list[tuple[Any, ...]]:
    """Inserts `rows` in order with one statement. With `unique` (field names, comma separated) rows that exist already
    are left out, and a rival's uncommitted row of the same value is waited for. `unique_where` is the SQL condition of
    a partial constraint.

    Returns the `returning` columns of the rows that were inserted.
    """
    if not rows:
        return []
    keys = tuple(rows[0])
    columns = _columns(model, keys)
    conflict = ""
    if unique:
        partly = f" WHERE {unique_where}" if unique_where else ""
        conflict = f" ON CONFLICT ({', '.join(_columns(model, tuple(unique.split(','))).names)}){partly} DO NOTHING"
    answer = f" RETURNING {', '.join(_columns(model, tuple(returning)).names)}" if returning else ""
    found: list[tuple[Any, ...]] = []
    for chunk in _chunks(rows, len(keys)):
        source, parameters = _source(columns, chunk, keys)
        sql = f"INSERT INTO {_table(model)} ({', '.join(columns.names)}) {source}{conflict}{answer}"
        found.extend(_run(sql, parameters, fetch=bool(returning)))
    return found


def update_each(
    model: type[models.Model],
    rows: Sequence[Row],
    *,
    key: str = "id",
    where: str = "",
    where_values: Sequence[Any] = (),
) -> list[Any]:
    """Sets every row's own values with one statement; each dict has `key` and the fields to set.

    `where` is an extra SQL condition on the table (alias t) with its values. Returns the keys of the rows that were
    changed, so that a caller can tell which ones the condition refused.
    """
    if not rows:
        return []
    names = tuple(name for name in rows[0] if name != key)
    columns = _columns(model, (key, *names))
    changed: list[Any] = []
    for chunk in _chunks(rows, len(names) + 2):
        sql, parameters = _update_statement(model, columns, chunk, (key, *names), where)
        changed.extend(row[0] for row in _run(sql, [*parameters, *where_values], fetch=True))
    return changed


def lock_each(
    model: type[models.Model], values: Sequence[Any], *, by: str, returning: Sequence[str]
) -> list[tuple[Any, ...]]:
    """Locks the rows whose field `by` is one of `values`, in primary-key order, and returns their `returning` columns.

    On SQLite the transaction itself is the lock (BEGIN IMMEDIATE).
    """
    if not values:
        return []
    wanted, columns = _columns(model, (by,)), _columns(model, tuple(returning))
    select = f"SELECT {', '.join(columns.names)} FROM {_table(model)} WHERE {wanted.names[0]}"  # noqa: S608  from models
    order = f"ORDER BY {connection.ops.quote_name(str(model._meta.pk.column))}"
    found: list[tuple[Any, ...]] = []
    for chunk in _chunks([{by: value} for value in values], 1):
        parameters: list[Any] = [row[by] for row in chunk]
        if connection.vendor == "postgresql":
            sql = f"{select} = ANY (%s::{wanted.types[0]}[]) {order} FOR NO KEY UPDATE"
            parameters = [array_literal(parameters)]
        else:
            sql = f"{select} IN ({', '.join(['%s'] * len(parameters))}) {order}"
        found.extend(_run(sql, parameters, fetch=True))
    return found


def _update_statement(
    model: type[models.Model], columns: _Columns, chunk: Sequence[Row], keys: Sequence[str], where: str
) -> tuple[str, list[Any]]:
    values = columns.values_of(chunk, keys)
    sets = ", ".join(f"{name} = v.c{n}" for n, name in enumerate(columns.names[1:], start=1))
    named = ", ".join(f"c{n}" for n in range(len(keys)))
    # The keys are named a second time: without statistics the join alone may read the whole table.
    if connection.vendor == "postgresql":
        source = f"unnest({_arrays(columns)}) AS v({named})"
        arrays = [array_literal(column) for column in values]
        picked, parameters = f"= ANY (%s::{columns.types[0]}[])", [*arrays, arrays[0]]
    else:
        aliased = ", ".join(f"column{n + 1} AS c{n}" for n in range(len(keys)))
        source = f"(SELECT {aliased} FROM (VALUES {_tuples(len(chunk), len(keys))})) AS v"  # noqa: S608  placeholders
        picked, parameters = f"IN ({', '.join(['%s'] * len(chunk))})", [*_flat(values), *values[0]]
    sql = (
        f"UPDATE {_table(model)} AS t SET {sets} FROM {source} "  # noqa: S608  names come from the models
        f"WHERE t.{columns.names[0]} = v.c0 AND t.{columns.names[0]} {picked}{f' AND {where}' if where else ''} "
        f"RETURNING {columns.names[0]}"
    )
    return sql, parameters


def _source(columns: _Columns, chunk: Sequence[Row], keys: Sequence[str]) -> tuple[str, list[Any]]:
    values = columns.values_of(chunk, keys)
    if connection.vendor == "postgresql":
        named = ", ".join(f"c{n}" for n in range(len(keys)))
        rows = f"unnest({_arrays(columns)}) WITH ORDINALITY AS v({named}, place)"
        arrays = [array_literal(column) for column in values]
        return f"SELECT {named} FROM {rows} ORDER BY place", arrays  # noqa: S608  names come from the models
    return f"VALUES {_tuples(len(chunk), len(keys))}", _flat(values)


def _arrays(columns: _Columns) -> str:
    return ", ".join(f"%s::{kind}[]" for kind in columns.types)


def _tuples(rows: int, width: int) -> str:
    return ", ".join([f"({', '.join(['%s'] * width)})"] * rows)


def _flat(values: list[list[Any]]) -> list[Any]:
    return [value for row in zip(*values, strict=True) for value in row]


def _chunks(rows: Sequence[Row], width: int) -> Iterable[Sequence[Row]]:
    size = len(rows) if connection.vendor == "postgresql" else max(1, _SQLITE_MOST_VALUES // width)
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def _run(sql: str, parameters: list[Any], *, fetch: bool) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall() if fetch else []


def _prepared(field: Any, value: Any) -> Any:
    if isinstance(value, datetime) and value.tzinfo is not None and connection.vendor == "postgresql":
        return value
    return field.get_db_prep_save(value, connection)


def _table(model: type[models.Model]) -> str:
    return connection.ops.quote_name(model._meta.db_table)


def _columns(model: type[models.Model], names: tuple[str, ...]) -> _Columns:
    return _columns_of(connection.vendor, model, names)


@lru_cache(maxsize=256)
def _columns_of(vendor: str, model: type[models.Model], names: tuple[str, ...]) -> _Columns:
    fields: tuple[Any, ...] = tuple(model._meta.get_field(name) for name in names)
    return _Columns(
        fields=fields,
        names=tuple(connection.ops.quote_name(field.column) for field in fields),
        types=tuple(_postgres_type(field) for field in fields) if vendor == "postgresql" else (),
        is_plain=tuple(isinstance(field, _PASSED_AS_IS) for field in fields),
    )


def _postgres_type(field: Any) -> str:
    # text, not varchar(n): an explicit cast to varchar(n) cuts silently, an assignment refuses.
    kind = field.rel_db_type(connection) if field.is_relation else field.cast_db_type(connection)
    return "text" if kind.startswith("varchar") else str(kind)
