"""What SQLite and PostgreSQL say differently, in one place. All else that the run history and the suite log ask of a
database is SQLAlchemy Core, which compiles for both.

promptlab opens SQLite files. `tests/test_databases.py` compiles every statement for PostgreSQL too, and runs it on a
server if it is given one.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.schema import CreateColumn
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

# Columns


class Text(sa.TypeDecorator[str]):
    """Text that is compared and ordered by its code points; PostgreSQL would go by the language of its server."""

    impl = sa.Text
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        return dialect.type_descriptor(sa.Text(collation="C") if dialect.name == "postgresql" else sa.Text())


class Words(Text):
    """Text for people. A lone surrogate, which no database takes as text, is kept as its escape."""

    cache_ok = True

    def process_bind_param(self, value: str | None, _dialect: Any) -> str | None:
        return None if value is None else value.encode("utf-8", "backslashreplace").decode("utf-8")


class Exact(sa.TypeDecorator[str]):
    """Text kept to the last code point, lone surrogates and NUL included: messages and answers."""

    impl = sa.LargeBinary
    cache_ok = True

    def process_bind_param(self, value: str | None, _dialect: Any) -> bytes | None:
        return None if value is None else value.encode("utf-8", "surrogatepass")

    def process_result_value(self, value: bytes | None, _dialect: Any) -> str | None:
        return None if value is None else bytes(value).decode("utf-8", "surrogatepass")


class NoBytes(sa.ColumnElement[bytes]):
    """The default value of an `Exact` column."""

    inherit_cache = True


@compiles(NoBytes)
def _no_bytes(_element: NoBytes, compiler: SQLCompiler, **_options: Any) -> str:
    return "''::bytea" if compiler.dialect.name == "postgresql" else "x''"


def row_number() -> sa.Column[int]:
    """A column that counts the rows as they are written. SQLite has it in every table and takes none of this name."""
    return sa.Column("rowid", sa.BigInteger, sa.Identity())


@compiles(CreateColumn, "sqlite")
def _create_column(element: CreateColumn, compiler: Any, **options: Any) -> Any:
    return None if element.element.identity is not None else compiler.visit_create_column(element, **options)


def add_column(db: sa.Connection, column: sa.Column[Any]) -> None:
    """Bring a table of an older version up: give it `column`."""
    definition = CreateColumn(column).compile(dialect=db.dialect)
    table = db.dialect.identifier_preparer.format_table(column.table)
    db.exec_driver_sql(f"ALTER TABLE {table} ADD COLUMN {definition}")


# Writing. SQLite took ON CONFLICT over from PostgreSQL; SQLAlchemy compiles PostgreSQL's for both.


def insert_missing(table: sa.Table) -> sa.Insert:
    """Insert rows; those that are there already are left as they are."""
    return postgresql.insert(table).on_conflict_do_nothing()


def insert_or_replace(table: sa.Table) -> sa.Insert:
    """Insert rows; one whose primary key is there already gets the new values."""
    insert = postgresql.insert(table)
    values = {column.name: insert.excluded[column.name] for column in table.columns if not column.primary_key}
    return insert.on_conflict_do_update(index_elements=list(table.primary_key), set_=values)


def insert_or_add(number: sa.Column[int]) -> sa.Insert:
    """Insert rows of the table of `number`; one whose primary key is there already has the new `number` added."""
    insert = postgresql.insert(number.table)
    values = {number.name: number + insert.excluded[number.name]}
    return insert.on_conflict_do_update(index_elements=list(number.table.primary_key), set_=values)


# JSON that is kept as text. PostgreSQL takes no lone surrogate in it, such as a file name that is no UTF-8 may have:
# before a server is used, such names must be written in another way.


class _JsonValue(FunctionElement[str]):
    name = "json_value"
    type = Text()
    inherit_cache = True


def json_value(text: sa.ColumnElement[Any], place: str | int) -> sa.ColumnElement[str]:
    """What stands at a key or an index of the JSON in `text`, as text."""
    return _JsonValue(text, sa.literal_column(str(place)))


@compiles(_JsonValue)
def _json_value(element: _JsonValue, compiler: SQLCompiler, **options: Any) -> str:
    text, place = (compiler.process(clause, **options) for clause in element.clauses)
    is_index = place.isdigit()
    if compiler.dialect.name == "postgresql":
        return f"(CAST({text} AS JSON) ->> {place if is_index else repr(place)})"
    return f"json_extract({text}, '${f'[{place}]' if is_index else f'.{place}'}')"


class _JsonItems(FunctionElement[Any]):
    name = "json_items"
    inherit_cache = True


def json_items(text: sa.ColumnElement[Any], key: str, *, name: str) -> sa.TableValuedAlias:
    """The items of the list at `key` of the JSON in `text`: a table called `name`, with one column `value`."""
    return _JsonItems(text, sa.literal_column(key)).table_valued("value", name=name)


@compiles(_JsonItems)
def _json_items(element: _JsonItems, compiler: SQLCompiler, **options: Any) -> str:
    text, key = (compiler.process(clause, **options) for clause in element.clauses)
    if compiler.dialect.name == "postgresql":
        return f"json_array_elements(CAST({text} AS JSON) -> '{key}')"
    return f"json_each({text}, '$.{key}')"


# Looking up


class _NotIndexed(FunctionElement[Any]):
    name = "not_indexed"
    inherit_cache = True


def not_indexed(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """`column`, for which SQLite looks into no index. Without statistics it likes the order of the primary key better
    than an index that finds the few rows; PostgreSQL has statistics."""
    return _NotIndexed(column)


@compiles(_NotIndexed)
def _not_indexed(element: _NotIndexed, compiler: SQLCompiler, **options: Any) -> str:
    (column,) = (compiler.process(clause, **options) for clause in element.clauses)
    return column if compiler.dialect.name == "postgresql" else f"+{column}"


def holds(column: sa.ColumnElement[Any], wanted: str) -> sa.ColumnElement[bool]:
    """Whether a text holds `wanted`, whatever its case."""
    return sa.func.holds(column, sa.literal(wanted, Words), type_=sa.Boolean)


def _text_holds(stored: bytes | str, wanted: str) -> bool:
    # SQLite's own LIKE folds case for ASCII only and stops at NUL.
    text = stored.decode("utf-8", "surrogatepass") if isinstance(stored, bytes) else stored
    return wanted.casefold() in text.casefold()


_HOLDS = (
    """
CREATE OR REPLACE FUNCTION holds(stored text, wanted text) RETURNS boolean LANGUAGE sql IMMUTABLE AS
$$ SELECT strpos(lower(stored COLLATE "und-x-icu"), lower(wanted COLLATE "und-x-icu")) > 0 $$
""",
    # PostgreSQL takes neither NUL nor a lone surrogate as text: a message that has one is searched by its bytes.
    """
CREATE OR REPLACE FUNCTION holds(stored bytea, wanted text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN holds(convert_from(stored, 'UTF8'), wanted);
EXCEPTION WHEN character_not_in_repertoire OR untranslatable_character THEN
    RETURN holds(encode(stored, 'escape'), encode(convert_to(wanted, 'UTF8'), 'escape'));
END $$
""",
)


def with_functions(metadata: sa.MetaData) -> sa.MetaData:
    """Have `holds` made before the tables of `metadata`. SQLite keeps no functions: each connection brings it."""
    for statement in _HOLDS:
        ddl: Any = sa.DDL(statement)  # type: ignore[no-untyped-call]
        sa.event.listen(metadata, "before_create", ddl.execute_if(dialect="postgresql"))
    return metadata


# SQLite files

WRITES = {"promptlab_writes": True}
"""Execution options of a connection that will write."""


def sqlite_engine(path: str) -> sa.Engine:
    """The engine of the SQLite file at `path`."""
    engine = sa.create_engine(f"sqlite:///{path}", connect_args={"timeout": 30})
    sa.event.listen(engine, "connect", _on_connect)
    sa.event.listen(engine, "begin", _on_begin)
    return engine


def _on_connect(connection: Any, _record: Any) -> None:
    # WAL lets the browser read while a run writes. NORMAL survives a killed process; a power cut may lose the
    # last transactions, never the file.
    connection.isolation_level = None  # the driver would begin late, after DDL and reads; `_on_begin` does it
    for setting in ("busy_timeout=30000", "journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {setting}")
    connection.create_function("holds", 2, _text_holds, deterministic=True)


def _on_begin(db: sa.Connection) -> None:
    # A writer takes the lock before it reads: one that wants it later is refused at once if another was quicker.
    writes = db.get_execution_options().get("promptlab_writes")
    db.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def user_version(db: sa.Connection) -> int:
    """The version that a SQLite file gives itself; 0 if it has none."""
    return int(db.exec_driver_sql("PRAGMA user_version").scalar_one())


def set_user_version(db: sa.Connection, version: int) -> None:
    """Write the version into a SQLite file."""
    db.exec_driver_sql(f"PRAGMA user_version={version}")
