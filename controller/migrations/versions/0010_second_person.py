"""a second person for what is larger than a commune."""

import sqlalchemy as sa
import sqlmodel.sql.sqltypes
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the schema forwards."""
    with op.batch_alter_table("emergency") as batch_op:
        batch_op.add_column(sa.Column("proposed_by", sa.Integer(), nullable=True))
        batch_op.add_column(
            sa.Column(
                "alone_because",
                sqlmodel.sql.sqltypes.AutoString(length=300),
                nullable=False,
                server_default="",
            )
        )
        batch_op.create_foreign_key("fk_emergency_proposed_by_person", "person", ["proposed_by"], ["id"])
    with op.batch_alter_table("cap_alert") as batch_op:
        batch_op.add_column(sa.Column("brought_by", sa.Integer(), nullable=True))
        batch_op.create_foreign_key("fk_cap_alert_brought_by_person", "person", ["brought_by"], ["id"])


def downgrade() -> None:
    """Change it back."""
    with op.batch_alter_table("cap_alert") as batch_op:
        batch_op.drop_constraint("fk_cap_alert_brought_by_person", type_="foreignkey")
        batch_op.drop_column("brought_by")
    with op.batch_alter_table("emergency") as batch_op:
        batch_op.drop_constraint("fk_emergency_proposed_by_person", type_="foreignkey")
        batch_op.drop_column("alone_because")
        batch_op.drop_column("proposed_by")
