"""Files of cases that came in, what they changed, and other systems that push through the API."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    Identity,
    Index,
    Integer,
    SmallInteger,
    String,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from bot.store.models.base import Base


class ColumnMapping(Base):
    """How another system's files name and write what we keep; chosen again by its name."""

    __tablename__ = "column_mappings"

    id: Mapped[int] = mapped_column(Integer, Identity(), primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    mapping: Mapped[dict[str, Any]]  # bot.cases.mapping.Mapping as JSON
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    at: Mapped[datetime] = mapped_column(server_default=func.now())


class ImportRun(Base):
    """One file on its way into the cases, or what became of it. Its bytes stand in `import_parts` until it is done."""

    __tablename__ = "import_runs"
    __table_args__ = (
        Index("ix_import_runs_due", "due_at", postgresql_where=text("state in ('checking', 'running', 'undoing')")),
    )

    id: Mapped[int] = mapped_column(Integer, Identity(), primary_key=True)
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"), index=True)  # None: the command line
    file_name: Mapped[str]
    holds: Mapped[str] = mapped_column(server_default="cases")  # a key of bot.data.holdings
    state: Mapped[str]  # uploaded, checking, checked, running, done, undoing, undone, failed, dropped
    mapping: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    mapping_name: Mapped[str] = mapped_column(server_default="")
    offices: Mapped[list[str]] = mapped_column(server_default="{}")  # of whoever brought it; empty: all
    lines: Mapped[int] = mapped_column(server_default="0")  # read so far
    total: Mapped[int] = mapped_column(server_default="0")  # lines of the file, as the dry run counted them
    added: Mapped[int] = mapped_column(server_default="0")
    changed: Mapped[int] = mapped_column(server_default="0")
    bad: Mapped[int] = mapped_column(server_default="0")
    undone: Mapped[int] = mapped_column(server_default="0")
    fault: Mapped[str] = mapped_column(server_default="")  # why the file as a whole can't be used
    made_at: Mapped[datetime]
    began_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    undone_at: Mapped[datetime | None]
    undone_by: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    due_at: Mapped[datetime | None]  # when a worker may take it: a lease, moved on batch by batch
    tries: Mapped[int] = mapped_column(SmallInteger, server_default="0")  # how often one took it since it was ordered


class ImportPart(Base):
    """A piece of a file, encrypted. Place: `import_parts|<run>/<part>|data`."""

    __tablename__ = "import_parts"

    run_id: Mapped[int] = mapped_column(ForeignKey("import_runs.id", ondelete="CASCADE"), primary_key=True)
    part: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    data_enc: Mapped[bytes]


class ImportFault(Base):
    """Why a line is not imported: never what stands in it."""

    __tablename__ = "import_faults"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("import_runs.id", ondelete="CASCADE"), index=True)
    line: Mapped[int]
    column: Mapped[str]
    said: Mapped[str]  # a sentence of bot.cases.reading or bot.cases.importing
    detail: Mapped[str]  # what fills it


class ImportChange(Base):
    """A case that an import added or changed, and how it was before: what undoing needs. Kept 30 days."""

    __tablename__ = "import_changes"

    run_id: Mapped[int] = mapped_column(ForeignKey("import_runs.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[str] = mapped_column(String(9), primary_key=True)
    before: Mapped[dict[str, Any] | None]  # columns of `cases`; None: it was added
    mark: Mapped[int | None] = mapped_column(BigInteger)  # of the row as the import left it: has it changed since?
    left: Mapped[bool] = mapped_column(server_default=text("false"))  # not undone: it has changed since


class ImportRow(Base):
    """A row beside a case that an import wrote, and how it was before: what undoing needs. Kept 30 days."""

    __tablename__ = "import_rows"

    run_id: Mapped[int] = mapped_column(ForeignKey("import_runs.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[str] = mapped_column(String(9), primary_key=True)  # of the case
    table: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    before: Mapped[dict[str, Any] | None]  # None: it was added
    after: Mapped[dict[str, Any]]  # as the import left it: has it changed since?
    left: Mapped[bool] = mapped_column(server_default=text("false"))  # not undone: something of its case has changed


class ApiToken(Base):
    """Lets another system in, for its scopes, until it expires or is revoked."""

    __tablename__ = "api_tokens"

    id: Mapped[int] = mapped_column(Integer, Identity(), primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    secret_hmac: Mapped[bytes] = mapped_column(unique=True)  # Ciphers.code("api-token", secret)
    scopes: Mapped[list[str]]
    offices: Mapped[list[str]] = mapped_column(server_default="{}")  # empty: all
    made_by: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))  # None: the command line
    made_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    agreed_by: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))  # a coordinator
    agreed_at: Mapped[datetime | None]  # None: it opens nothing yet
    revoked_at: Mapped[datetime | None]
    used_at: Mapped[datetime | None]


class ApiAnswer(Base):
    """What a request with an idempotency key was answered: the same request gets the same answer for a day."""

    __tablename__ = "api_answers"

    token_id: Mapped[int] = mapped_column(ForeignKey("api_tokens.id"), primary_key=True)
    key: Mapped[bytes] = mapped_column(primary_key=True)  # digest of what was sent
    asked: Mapped[bytes]  # digest of method, path and body
    status: Mapped[int] = mapped_column(SmallInteger)
    headers: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    body_enc: Mapped[bytes]  # place: api_answers|<token>/<key hex>|body
    at: Mapped[datetime] = mapped_column(index=True)
