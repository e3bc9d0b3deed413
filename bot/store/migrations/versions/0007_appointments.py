"""appointments and their places"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


# The days that files hold already become appointments, as an import makes them (bot/cases/imported_days.py): without
# them nobody would be reminded, nor find another day, before the next file comes.
STANDING = """
  select n.*, case n.kind when 'home' then 'Home visit' when 'phone' then 'Phone call' else n.words end as name,
    case n.kind when 'home' then ltrim(substr(n.words, 11)) when 'phone' then ltrim(substr(n.words, 11)) else '' end
      as detail
  from (
    select w.*, case when w.words = 'Office' or w.words like 'Office %' then 'office'
        when w.words = 'Training site' or w.words like 'Training site %' then 'training'
        when w.words = 'Home visit' or w.words like 'Home visit %' then 'home'
        when w.words = 'Phone call' or w.words like 'Phone call %' then 'phone' else 'other' end as kind
    from (
      select c.id, c.office, c.region, c.stage, c.next_appointment as day,
        coalesce(nullif(btrim(c.appointment_place), ''), 'Office ' || c.office) as words
      from cases c where c.next_appointment is not null
    ) w
  ) n
"""
PLACES = f"""
  insert into places (office, name, kind, region, capacity)
  select distinct on (s.office, s.name) s.office, s.name, s.kind, s.region,
    case s.kind when 'home' then 6 when 'phone' then 30 else 20 end
  from ({STANDING}) s order by s.office, s.name, s.region
"""
APPOINTMENTS = f"""
  insert into appointments (case_id, place_id, detail, day, purpose, state, by, remind_at)
  select s.id, p.id, s.detail, s.day,
    case when s.stage in ('KIT_READY', 'KIT_PREPARATION') then 'kit' when s.stage like 'TRAINING%' then 'training'
      when s.stage = 'WAITING_DOCUMENT' then 'document' when s.kind = 'phone' then 'call' else 'visit' end,
    'PROPOSED', 'import',
    (select min(t.at) from (
      select (s.day - d + time '08:30') at time zone 'Africa/Niamey' as at from unnest(array[3, 1]) d
    ) t where t.at > now())
  from ({STANDING}) s join places p on p.office = s.office and p.name = s.name
"""


def upgrade() -> None:
    op.add_column("referrals", sa.Column("ask_after", sa.DateTime(timezone=True), nullable=True))
    op.add_column("messages", sa.Column("question", postgresql.JSONB(), nullable=True))
    op.create_table(
        "places",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("office", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), server_default="", nullable=False),
        sa.Column("weekdays", sa.ARRAY(sa.SmallInteger()), server_default="{1,2,3,4,5}", nullable=False),
        sa.Column("opens", sa.Time(), server_default="08:00", nullable=False),
        sa.Column("closes", sa.Time(), server_default="17:00", nullable=False),
        sa.Column("capacity", sa.SmallInteger(), server_default="20", nullable=False),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.CheckConstraint("capacity >= 1"),
        sa.CheckConstraint("closes > opens"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("office", "name"),
    )
    op.create_table(
        "appointments",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("case_id", sa.BigInteger(), nullable=False),
        sa.Column("place_id", sa.Integer(), nullable=False),
        sa.Column("detail", sa.Text(), server_default="", nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("said", sa.Text(), server_default="", nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.Column("moved_from", sa.BigInteger(), nullable=True),
        sa.Column("turn", sa.String(length=32), nullable=True),
        sa.Column("remind_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("follow_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"]),
        sa.ForeignKeyConstraint(["place_id"], ["places.id"]),
        sa.ForeignKeyConstraint(["moved_from"], ["appointments.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("turn"),
    )
    live = sa.text("state in ('PROPOSED', 'CONFIRMED', 'REMINDED')")
    op.create_index("uq_appointments_live", "appointments", ["case_id"], unique=True, postgresql_where=live)
    op.create_index("ix_appointments_case", "appointments", ["case_id", "day"])
    op.create_index("ix_appointments_day", "appointments", ["day", "place_id"])
    for name in ("remind", "follow"):
        due = sa.text(f"{name}_at is not null")
        op.create_index(f"ix_appointments_{name}", "appointments", [f"{name}_at"], postgresql_where=due)
    op.create_table(
        "appointment_events",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("appointment_id", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("from_state", sa.Text(), nullable=False),
        sa.Column("to_state", sa.Text(), nullable=False),
        sa.Column("turn", sa.String(length=32), server_default="", nullable=False),
        sa.Column("detail", postgresql.JSONB(), server_default="{}", nullable=False),
        sa.ForeignKeyConstraint(["appointment_id"], ["appointments.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_appointment_events_appointment_id", "appointment_events", ["appointment_id"])
    op.create_index(
        "uq_appointment_events_turn",
        "appointment_events",
        ["appointment_id", "turn"],
        unique=True,
        postgresql_where=sa.text("turn <> ''"),
    )
    op.execute(
        "CREATE TRIGGER only_added BEFORE UPDATE OR DELETE ON appointment_events "
        "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    )
    for statement in (PLACES, APPOINTMENTS):
        op.execute(sa.text(statement))
