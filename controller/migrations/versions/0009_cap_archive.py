"""archives of alerts, what heartbeats name, and the recordings that alerts bring."""

import sqlalchemy as sa
import sqlmodel.sql.sqltypes
from alembic import op

revision = "0009"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the schema forwards."""
    with op.batch_alter_table("cap_feed") as batch_op:
        batch_op.add_column(
            sa.Column("archive_url", sqlmodel.sql.sqltypes.AutoString(length=500), nullable=True)
        )
        batch_op.add_column(sa.Column("mentioned", sa.JSON(), nullable=False, server_default="[]"))
    with op.batch_alter_table("cap_alert") as batch_op:
        batch_op.add_column(sa.Column("recordings", sa.JSON(), nullable=False, server_default="{}"))


def downgrade() -> None:
    """Change it back."""
    with op.batch_alter_table("cap_alert") as batch_op:
        batch_op.drop_column("recordings")
    with op.batch_alter_table("cap_feed") as batch_op:
        batch_op.drop_column("mentioned")
        batch_op.drop_column("archive_url")
