"""broadcasts and milestones"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "broadcasts",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="draft", nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("wanted", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("texts_enc", sa.LargeBinary(), nullable=False),
        sa.Column("otherwise", sa.Text(), nullable=False),
        sa.Column("whatsapp", sa.Boolean(), nullable=False),
        sa.Column("share", sa.SmallInteger(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("made_by", sa.Integer(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("counted", sa.Integer(), server_default="0", nullable=False),
        sa.Column("approved_by", sa.Integer(), nullable=True),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("planned_through", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("planned_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("planned", sa.Integer(), server_default="0", nullable=False),
        sa.Column("per_minute", sa.Double(), server_default="0", nullable=False),
        sa.Column("slot_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answers", sa.Integer(), server_default="0", nullable=False),
        sa.Column("answers_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("state in ('draft', 'waiting', 'running', 'paused', 'done', 'cancelled')"),
        sa.ForeignKeyConstraint(["made_by"], ["staff.id"]),
        sa.ForeignKeyConstraint(["approved_by"], ["staff.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_broadcasts_running", "broadcasts", ["starts_at"], postgresql_where=sa.text("state = 'running'"))
    op.create_table(
        "broadcast_recipients",
        sa.Column("broadcast_id", sa.String(length=32), nullable=False),
        sa.Column("contact_id", sa.BigInteger(), nullable=False),
        sa.Column("case_id", sa.BigInteger(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("left_out", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.ForeignKeyConstraint(["broadcast_id"], ["broadcasts.id"]),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"]),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"]),
        sa.PrimaryKeyConstraint("broadcast_id", "contact_id"),
    )
    op.create_index("ix_broadcast_recipients_contact_id", "broadcast_recipients", ["contact_id"])
    op.create_index(
        "ix_broadcast_recipients_next",
        "broadcast_recipients",
        ["broadcast_id", "contact_id"],
        postgresql_where=sa.text("released_at is null"),
    )
    op.create_table(
        "stage_times",
        sa.Column("year", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("office", sa.Text(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("days", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("files", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("year", "office", "stage", "days"),
    )
    op.add_column("messages", sa.Column("broadcast_id", sa.String(length=32), nullable=True))
    op.create_foreign_key(None, "messages", "broadcasts", ["broadcast_id"], ["id"])
    written = sa.text("broadcast_id is not null")
    op.create_index("ix_messages_broadcast", "messages", ["broadcast_id", "state"], postgresql_where=written)
    op.create_index("ix_messages_broadcast_sent", "messages", ["sent_at"], postgresql_where=written)
    op.create_index(
        "ix_messages_broadcast_open",
        "messages",
        ["due_at"],
        postgresql_where=sa.text("broadcast_id is not null and state in ('queued', 'sending')"),
    )


def downgrade() -> None:
    op.drop_column("messages", "broadcast_id")
    for table in ("stage_times", "broadcast_recipients", "broadcasts"):
        op.drop_table(table)
