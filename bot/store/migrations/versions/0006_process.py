"""the process: projects, trainings, kits, partners, visits"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("messages", sa.Column("case_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key(None, "messages", "cases", ["case_id"], ["id"])
    op.create_index("ix_messages_case", "messages", ["case_id"], postgresql_where=sa.text("case_id is not null"))


def downgrade() -> None:
    pass
