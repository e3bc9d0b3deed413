"""desk: flags, consents, keys of readers, closing"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("staff", sa.Column("email_enc", sa.LargeBinary(), nullable=True))
    op.add_column("staff", sa.Column("email_since", sa.DateTime(timezone=True), nullable=True))
    op.add_column("staff", sa.Column("email_hmac", sa.LargeBinary(), nullable=True))
    op.add_column("staff", sa.Column("email_expires", sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        "staff", sa.Column("alert_channels", postgresql.ARRAY(sa.Text()), server_default="{sms}", nullable=False)
    )
    op.add_column("referrals", sa.Column("closing", sa.Text(), server_default="", nullable=False))
    op.add_column("referrals", sa.Column("solved", sa.Boolean(), nullable=True))
    op.add_column("referrals", sa.Column("reopened", sa.SmallInteger(), server_default="0", nullable=False))
    op.create_index("ix_referrals_opened", "referrals", ["opened_at"])
    op.add_column("referrals", sa.Column("reopened_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index("ix_referrals_asking", "referrals", ["closed_at"], postgresql_where=sa.text("closing = 'asking'"))
    op.add_column("ladders", sa.Column("begins_after", sa.Integer(), nullable=True))
    op.add_column("contacts", sa.Column("quiet", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.add_column("contacts", sa.Column("human_on", sa.Text(), nullable=True))
    op.add_column("contacts", sa.Column("human_copied", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ix_contacts_human", "contacts", ["id"], postgresql_where=sa.text("human_until is distinct from human_copied")
    )
    op.create_table(
        "flags",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("referral_id", sa.String(length=32), nullable=False),
        sa.Column("word", sa.Text(), nullable=False),
        sa.Column("until", sa.Date(), nullable=False),
        sa.Column("staff_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["referral_id"], ["referrals.id"]),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_flags_referral_id", "flags", ["referral_id"])
    op.create_table(
        "consents",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("referral_id", sa.String(length=32), nullable=False),
        sa.Column("receiver", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("wording", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("staff_id", sa.Integer(), nullable=False),
        sa.Column("right", sa.Text(), server_default="", nullable=False),
        sa.Column("reason_enc", sa.LargeBinary(), nullable=True),
        sa.Column("second_id", sa.Integer(), nullable=True),
        sa.Column("second_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["referral_id"], ["referrals.id"]),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"]),
        sa.ForeignKeyConstraint(["second_id"], ["staff.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_consents_referral_id", "consents", ["referral_id"])
    op.create_table(
        "reader_keys",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("staff_id", sa.Integer(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("private_box", sa.LargeBinary(), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("recovery", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_reader_keys_staff_id", "reader_keys", ["staff_id"])
    op.create_table(
        "sealed_boxes",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("referral_id", sa.String(length=32), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("key_id", sa.BigInteger(), nullable=False),
        sa.Column("box", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["referral_id"], ["referrals.id"]),
        sa.ForeignKeyConstraint(["key_id"], ["reader_keys.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("subject", "key_id"),
    )
    op.create_index("ix_sealed_boxes_referral_id", "sealed_boxes", ["referral_id"])
    op.create_table(
        "opt_outs",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("contact_id", sa.BigInteger(), nullable=False),
        sa.Column("stopped", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("staff_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"]),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_opt_outs_contact_id", "opt_outs", ["contact_id"])
    op.create_index("ix_opt_outs_untold", "opt_outs", ["contact_id"], postgresql_where=sa.text("told_at is null"))
    # A text of the timeline may leave its row, for the boxes of the readers, and in no other way (docs/sealed.md).
    op.execute("""
        CREATE FUNCTION refuse_change_but_sealing() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP = 'UPDATE' AND NEW.text_enc IS NULL
                AND to_jsonb(NEW) - 'text_enc' = to_jsonb(OLD) - 'text_enc'
                AND EXISTS (SELECT 1 FROM sealed_boxes WHERE subject = 'event:' || OLD.id)
            THEN
                RETURN NEW;
            END IF;
            RAISE EXCEPTION 'rows of % are only ever added', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
        END $$
    """)
    op.execute("DROP TRIGGER only_added ON referral_events")
    op.execute(
        "CREATE TRIGGER only_added BEFORE UPDATE OR DELETE ON referral_events "
        "FOR EACH ROW EXECUTE FUNCTION refuse_change_but_sealing()"
    )
