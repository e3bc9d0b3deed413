"""appointments and their places"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("referrals", sa.Column("ask_after", sa.DateTime(timezone=True), nullable=True))
    op.add_column("messages", sa.Column("question", postgresql.JSONB(), nullable=True))


def downgrade() -> None:
    op.drop_column("messages", "question")
    op.drop_column("referrals", "ask_after")
