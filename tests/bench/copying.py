"""Many rows like one that the product has made: SQL copies it, so that every column holds something real."""

from __future__ import annotations

from typing import Any


def copy_rows(
    cursor: Any, model: Any, template: object, source: str, *, without: tuple[str, ...] = (), **changed: str
) -> None:
    """Rows of `model` like the template's, one per row of `source`; `changed` are SQL expressions by column."""
    table = model._meta.db_table
    columns = [field.column for field in model._meta.concrete_fields if field.column not in without]
    values = ", ".join(changed.get(column, f't."{column}"') for column in columns)
    names = ", ".join(f'"{column}"' for column in columns)
    before, _, condition = source.partition(" WHERE ")
    cursor.execute(
        f"INSERT INTO {table} ({names}) SELECT {values} FROM {table} t CROSS JOIN {before} "
        f"WHERE t.id = '{template}' AND {condition or 'true'}"
    )
