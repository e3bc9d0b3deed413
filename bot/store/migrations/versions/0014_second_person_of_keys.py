"""a second person for keys of other systems

Keys that open something now keep opening it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("api_tokens", sa.Column("agreed_by", sa.Integer(), sa.ForeignKey("staff.id"), nullable=True))
    op.add_column("api_tokens", sa.Column("agreed_at", sa.DateTime(timezone=True), nullable=True))
    op.execute("UPDATE api_tokens SET agreed_at = made_at")
