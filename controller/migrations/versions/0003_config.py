"""signed configuration of gateways, prepared warnings, and what comes back after a pre-emption."""

import sqlalchemy as sa
import sqlmodel.sql.sqltypes
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

KINDS_BEFORE = ("play", "stop", "cancel", "volume")
KINDS = (*KINDS_BEFORE, "config")


def _words(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=24)


def upgrade() -> None:
    """Change the schema forwards."""
    op.create_table(
        "gatewayconfig",
        sa.Column("gateway_id", sqlmodel.sql.sqltypes.AutoString(length=63), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("ordered_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["gateway_id"], ["gateway.id"]),
        sa.PrimaryKeyConstraint("gateway_id"),
    )
    after = _words("afterpreemption", "resume", "restart", "drop")
    for table in ("broadcast", "schedule"):
        with op.batch_alter_table(table) as batch_op:
            batch_op.add_column(sa.Column("after_preemption", after, nullable=False, server_default="resume"))
    with op.batch_alter_table("bulletin") as batch_op:
        batch_op.add_column(sa.Column("prepared", sa.Boolean(), nullable=False, server_default=sa.false()))
    with op.batch_alter_table("gateway") as batch_op:
        batch_op.add_column(sa.Column("start_offset_ms", sa.Integer(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("ceiling_db", sa.Float(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("volume_caps", sa.JSON(), nullable=False, server_default="[]"))
    with op.batch_alter_table("gatewaystate") as batch_op:
        batch_op.add_column(sa.Column("config_version", sa.Integer(), nullable=False, server_default="0"))
    with op.batch_alter_table("order") as batch_op:
        batch_op.alter_column(
            "kind",
            existing_type=_words("orderkind", *KINDS_BEFORE),
            type_=_words("orderkind", *KINDS),
            existing_nullable=False,
        )


def downgrade() -> None:
    """Change it back; orders of a kind that the older version does not know go."""
    op.execute("DELETE FROM outbox WHERE order_id IN (SELECT id FROM \"order\" WHERE kind = 'config')")
    op.execute("DELETE FROM \"order\" WHERE kind = 'config'")
    with op.batch_alter_table("order") as batch_op:
        batch_op.alter_column(
            "kind",
            existing_type=_words("orderkind", *KINDS),
            type_=_words("orderkind", *KINDS_BEFORE),
            existing_nullable=False,
        )
    with op.batch_alter_table("gatewaystate") as batch_op:
        batch_op.drop_column("config_version")
    with op.batch_alter_table("gateway") as batch_op:
        batch_op.drop_column("volume_caps")
        batch_op.drop_column("ceiling_db")
        batch_op.drop_column("start_offset_ms")
    with op.batch_alter_table("bulletin") as batch_op:
        batch_op.drop_column("prepared")
    for table in ("schedule", "broadcast"):
        with op.batch_alter_table(table) as batch_op:
            batch_op.drop_constraint("afterpreemption", type_="check")
            batch_op.drop_column("after_preemption")
    op.drop_table("gatewayconfig")
