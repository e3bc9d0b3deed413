"""how often a worker took an import"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("import_runs", sa.Column("tries", sa.SmallInteger(), server_default="0", nullable=False))
