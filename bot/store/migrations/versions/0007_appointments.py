"""appointments and their places"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("referrals", sa.Column("ask_after", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("referrals", "ask_after")
