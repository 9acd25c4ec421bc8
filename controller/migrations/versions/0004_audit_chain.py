"""a chain of hashes through the audit trail."""

import sqlalchemy as sa
import sqlmodel.sql.sqltypes
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the schema forwards. Rows from before stay without a number: nobody can vouch for them."""
    words = sqlmodel.sql.sqltypes.AutoString(length=64)
    with op.batch_alter_table("audit") as batch_op:
        batch_op.add_column(sa.Column("n", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("previous", words, nullable=False, server_default=""))
        batch_op.add_column(sa.Column("chained", words, nullable=False, server_default=""))
        batch_op.create_unique_constraint("uq_audit_n", ["n"])


def downgrade() -> None:
    """Change it back."""
    with op.batch_alter_table("audit") as batch_op:
        batch_op.drop_constraint("uq_audit_n", type_="unique")
        batch_op.drop_column("chained")
        batch_op.drop_column("previous")
        batch_op.drop_column("n")
