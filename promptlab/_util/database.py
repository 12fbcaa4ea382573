"""A database of the state folder: opened, read and written, with errors that say which file it is and what to do.

    db = Database(path, "run history", make_tables)
    rows = db.rows(sa.select(...))
    db.write([(table.insert(), [{"id": 1}])])

Several threads and processes may use a file at once. If nothing can be written to the disk, what is there can still be
read.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from promptlab._util import disk_errors, read_only_sqlite, sql_dialects, state_folder
from promptlab.errors import StoreError

DAMAGED = "if the file is damaged, move it aside; a new one is made"

Values = Mapping[str, Any] | Sequence[Mapping[str, Any]]


class Database:
    """The SQLite file at `path`, made, with its folder, when first opened. Errors call it `name`. `prepare` makes its
    tables or brings them up to the version of today, in one transaction."""

    def __init__(self, path: Path, name: str, prepare: Callable[[sa.Connection], None]) -> None:
        self.path = path
        self._name = f"the {name} {path}"
        self._lock = threading.Lock()
        self._read_only = ""
        try:
            state_folder.private_file(path)
            self._open(str(path), prepare)
        except (OSError, sa.exc.SQLAlchemyError) as exc:
            fault = exc if isinstance(exc, OSError) else disk_errors.write_error(path.parent)
            self._read_only = disk_errors.advice(fault)
            if not self._read_only or fault is None:
                raise self._unopened(exc) from exc
            try:
                self._open(read_only_sqlite.temporary_copy(path, fault), prepare)
            except (OSError, sa.exc.SQLAlchemyError) as again:
                raise self._unopened(again) from again

    def _open(self, path: str, prepare: Callable[[sa.Connection], None]) -> None:
        self.engine = sql_dialects.sqlite_engine(path)
        try:
            # One transaction that takes the writer's lock first: of two processes that open a new file, one makes the
            # tables and the other finds them whole.
            with self._transaction() as db:
                prepare(db)
        except BaseException:
            self.engine.dispose()
            raise

    def _unopened(self, exc: Exception) -> StoreError:
        hint = self._read_only or disk_errors.advice(exc) or DAMAGED
        return StoreError(f"{self._name} cannot be opened: {_reason(exc)}", hint=hint)

    def close(self) -> None:
        """Let go of the file."""
        self.engine.dispose()

    def rows(self, query: sa.Executable, values: Mapping[str, Any] | None = None) -> Sequence[Any]:
        """What `query` finds."""
        try:
            with self.engine.connect() as db:
                return db.execute(query, values).fetchall()
        except sa.exc.SQLAlchemyError as exc:
            raise StoreError(f"{self._name} cannot be read: {_reason(exc)}", hint=DAMAGED) from exc

    def write(self, steps: Sequence[tuple[sa.Executable, Values]]) -> None:
        """Execute statements, each with its values, in one transaction; one with an empty list is left out."""
        with self.writing() as db:
            for statement, values in steps:
                if values or isinstance(values, Mapping):
                    db.execute(statement, values)

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A transaction that writes; an exception takes everything back."""
        if self._read_only:
            raise StoreError(f"{self._name} cannot be written", hint=self._read_only)
        try:
            # One writer at a time in this process; SQLite's own lock, with its time-out, orders the processes.
            with self._lock, self._transaction() as db:
                yield db
        except sa.exc.SQLAlchemyError as exc:
            hint = disk_errors.advice(disk_errors.write_error(self.path.parent)) or DAMAGED
            raise StoreError(f"{self._name} cannot be written: {_reason(exc)}", hint=hint) from exc

    @contextmanager
    def _transaction(self) -> Iterator[sa.Connection]:
        with self.engine.connect().execution_options(**sql_dialects.WRITES) as db, db.begin():
            yield db


def parts(items: Sequence[str], size: int = 500) -> list[Sequence[str]]:
    """A database takes a limited number of values in one statement."""
    return [items[i : i + size] for i in range(0, len(items), size)]


def _reason(exc: Exception) -> str:
    return str(getattr(exc, "orig", None) or exc)
