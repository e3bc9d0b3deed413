"""wrong group codes count for each member's phone

What locked all members before locks each of them now, until the committee gives a new code. The old column stays for the
release before, which may run beside this one.
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("group_members", sa.Column("locked", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.execute(
        "UPDATE group_members SET locked = true FROM community_groups g "
        "WHERE g.id = group_members.group_id AND g.locked_members"
    )
