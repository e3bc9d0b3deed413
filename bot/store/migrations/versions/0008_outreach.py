"""outreach: stage news, watchdog, check-ins, lost contact, changes of number"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("proved_at", "silent_since", "verify_asked_at"):
        op.add_column("contacts", sa.Column(name, sa.DateTime(timezone=True), nullable=True))
    op.create_index("ix_stage_changes_at", "stage_changes", ["at"])
    op.create_index("ix_cases_stage_since", "cases", ["stage", "stage_since"])
    op.create_table(
        "stage_news",
        sa.Column("change_id", sa.BigInteger(), nullable=False),
        sa.Column("case_id", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("message_id", sa.String(length=32), nullable=True),
        sa.ForeignKeyConstraint(["change_id"], ["stage_changes.id"]),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"]),
        sa.PrimaryKeyConstraint("change_id"),
    )
    op.create_index("ix_stage_news_case_id", "stage_news", ["case_id"])
    op.create_table(
        "late_files",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("case_id", sa.BigInteger(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("since", sa.Date(), nullable=False),
        sa.Column("day", sa.SmallInteger(), nullable=False),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("message_id", sa.String(length=32), nullable=True),
        sa.Column("digested_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("case_id", "stage", "since", "day"),
    )
    op.create_index(
        "ix_late_files_undigested", "late_files", ["found_at"], postgresql_where=sa.text("digested_at is null")
    )
    op.create_table(
        "check_ins",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("case_id", sa.BigInteger(), nullable=False),
        sa.Column("since", sa.Date(), nullable=False),
        sa.Column("week", sa.SmallInteger(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.Text(), server_default="asked", nullable=False),
        sa.Column("pushed", sa.Text(), nullable=False),
        sa.Column("message_id", sa.String(length=32), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("channel", sa.Text(), server_default="", nullable=False),
        sa.Column("running", sa.Boolean(), nullable=True),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("visit", sa.Boolean(), nullable=True),
        sa.Column("referral_id", sa.String(length=32), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"]),
        sa.ForeignKeyConstraint(["referral_id"], ["referrals.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("case_id", "since", "week"),
    )
    op.create_index("ix_check_ins_open", "check_ins", ["asked_at"], postgresql_where=sa.text("state = 'asked'"))
    op.create_index("ix_check_ins_due", "check_ins", ["due_on"])
    op.create_table(
        "contact_attempts",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("case_id", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("way", sa.Text(), nullable=False),
        sa.Column("reached", sa.Boolean(), nullable=False),
        sa.Column("staff_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"]),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_contact_attempts_case", "contact_attempts", ["case_id", "at"])
    op.execute(
        "CREATE TRIGGER only_added BEFORE UPDATE OR DELETE ON contact_attempts "
        "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    )
    op.create_table(
        "lost_contacts",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("case_id", sa.BigInteger(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("declared_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("declared_by", sa.Integer(), nullable=True),
        sa.Column("review_at", sa.Date(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"]),
        sa.ForeignKeyConstraint(["declared_by"], ["staff.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_lost_contacts_case_id", "lost_contacts", ["case_id"])
    op.create_index(
        "ix_lost_contacts_open", "lost_contacts", ["case_id"], unique=True, postgresql_where=sa.text("ended_at is null")
    )
    op.create_table(
        "number_changes",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("case_id", sa.BigInteger(), nullable=False),
        sa.Column("before_id", sa.BigInteger(), nullable=True),
        sa.Column("contact_id", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("turn", sa.String(length=32), nullable=False),
        sa.Column("state", sa.Text(), server_default="new", nullable=False),
        sa.Column("joined_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("confirmed_by", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"]),
        sa.ForeignKeyConstraint(["before_id"], ["contacts.id"]),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"]),
        sa.ForeignKeyConstraint(["confirmed_by"], ["staff.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("turn"),
    )
    op.create_index("ix_number_changes_case_id", "number_changes", ["case_id"])
    op.create_index("ix_number_changes_contact_id", "number_changes", ["contact_id"])
    op.create_index(
        "ix_number_changes_open",
        "number_changes",
        ["case_id"],
        unique=True,
        postgresql_where=sa.text("state in ('new', 'doubted')"),
    )
    op.create_index(
        "ix_number_changes_unconfirmed", "number_changes", ["at"], postgresql_where=sa.text("confirmed_at is null")
    )


def downgrade() -> None:
    for table in ("number_changes", "lost_contacts", "contact_attempts", "check_ins", "late_files", "stage_news"):
        op.drop_table(table)
    op.drop_index("ix_cases_stage_since", "cases")
    op.drop_index("ix_stage_changes_at", "stage_changes")
    for name in ("proved_at", "silent_since", "verify_asked_at"):
        op.drop_column("contacts", name)
