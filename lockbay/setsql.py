"""Set-based SQL that PostgreSQL and SQLite both take: many rows, one statement.

Used where a list must cost as many round trips as a single row (B6). Column names come from the code, never from input.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection, models

# SQLite refuses statements with more bound values than this; PostgreSQL binds in the client.
_SQLITE_MOST_VALUES = 30_000


def insert_new(model: type[models.Model], rows: Sequence[dict[str, Any]], *, unique: str, returning: Sequence[str]) -> list[tuple[Any, ...]]:
    """Inserts `rows` (field name → value, all with the same keys) in order; rows whose `unique` field exists are left out.

    Returns the `returning` columns of the inserted rows only. A rival's uncommitted row with the same value is waited for.
    `unique` names one field or several, separated by commas.
    """
    if not rows:
        return []
    fields = [model._meta.get_field(name) for name in rows[0]]
    columns = ", ".join(_quoted(field) for field in fields)
    target = ", ".join(_quoted(model._meta.get_field(name)) for name in unique.split(","))
    answer = ", ".join(_quoted(model._meta.get_field(name)) for name in returning)
    found: list[tuple[Any, ...]] = []
    for chunk in _chunks(rows, len(fields)):
        values = ", ".join([f"({', '.join(['%s'] * len(fields))})"] * len(chunk))
        sql = (
            f"INSERT INTO {_table(model)} ({columns}) VALUES {values} "  # noqa: S608  names come from the models
            f"ON CONFLICT ({target}) DO NOTHING RETURNING {answer}"
        )
        with connection.cursor() as cursor:
            cursor.execute(sql, [_prepared(field, row[field.name if field.name in row else field.attname]) for row in chunk for field in fields])
            found.extend(cursor.fetchall())
    return found


def update_each(model: type[models.Model], rows: Sequence[dict[str, Any]], *, key: str = "id", where: str = "", where_values: Sequence[Any] = ()) -> list[Any]:
    """Sets every row's own values in one statement; `rows` are dicts with `key` and the fields to set, same keys in all.

    `where` is an extra SQL condition on columns of the table (alias t) with its values. Returns the keys of the rows that
    were changed, so that a caller can tell which rows the condition refused.
    """
    if not rows:
        return []
    names = [name for name in rows[0] if name != key]
    key_field = model._meta.get_field(key)
    fields = [key_field, *(model._meta.get_field(name) for name in names)]
    changed: list[Any] = []
    for chunk in _chunks(rows, len(fields) + 1):
        changed.extend(_update_chunk(model, fields, chunk, where, where_values))
    return changed


def _update_chunk(model: type[models.Model], fields: Sequence[Any], chunk: Sequence[dict[str, Any]], where: str, where_values: Sequence[Any]) -> Iterable[Any]:
    values = ", ".join([f"({', '.join(['%s'] * len(fields))})"] * len(chunk))
    sets = ", ".join(f"{_quoted(field)} = {_cast(field, f'v.column{n}')}" for n, field in enumerate(fields[1:], start=2))
    key = _quoted(fields[0])
    keys = [_prepared(fields[0], row[fields[0].name]) for row in chunk]
    parameters = [_prepared(field, row[field.name if field.name in row else field.attname]) for row in chunk for field in fields]
    # The key list is named a second time: without statistics the join alone may read the whole table.
    sql = (
        f"UPDATE {_table(model)} AS t SET {sets} FROM (VALUES {values}) AS v "  # noqa: S608  names come from the models
        f"WHERE t.{key} = {_cast(fields[0], 'v.column1')} AND t.{key} IN ({', '.join(['%s'] * len(keys))})"
        f"{' AND ' + where if where else ''} RETURNING t.{key}"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, [*parameters, *keys, *where_values])
        return [row[0] for row in cursor.fetchall()]


def _chunks(rows: Sequence[dict[str, Any]], width: int) -> Iterable[Sequence[dict[str, Any]]]:
    size = len(rows) if connection.vendor == "postgresql" else max(1, _SQLITE_MOST_VALUES // width)
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def _prepared(field: Any, value: Any) -> Any:
    return field.get_db_prep_save(value, connection)


def _cast(field: Any, expression: str) -> str:
    return f"CAST({expression} AS {field.rel_db_type(connection) if field.is_relation else field.cast_db_type(connection)})" if connection.vendor == "postgresql" else expression


def _table(model: type[models.Model]) -> str:
    return connection.ops.quote_name(model._meta.db_table)


def _quoted(field: Any) -> str:
    return connection.ops.quote_name(field.column)
