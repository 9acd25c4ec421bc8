"""drills."""

import sqlalchemy as sa
import sqlmodel.sql.sqltypes
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_TEXT = sqlmodel.sql.sqltypes.AutoString
_INSTANT = sqlmodel.sql.sqltypes.UTCDateTime
_STATES = ("scheduled", "sounding", "scored", "cancelled", "missed", "refused")


def upgrade() -> None:
    """Change the schema forwards."""
    op.create_table(
        "drill",
        sa.Column("id", _TEXT(length=36), nullable=False),
        sa.Column("area_id", sa.Integer(), nullable=False),
        sa.Column("title", _TEXT(length=160), nullable=False),
        sa.Column("warning_key", _TEXT(length=60), nullable=False),
        sa.Column("audience", sa.JSON(), nullable=False),
        sa.Column("start_at", _INSTANT(), nullable=False),
        sa.Column("gain_db", sa.Float(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(*_STATES, name="drillstate", native_enum=False, create_constraint=True, length=24),
            nullable=False,
        ),
        sa.Column("reason", _TEXT(length=60), nullable=True),
        sa.Column("created_at", _INSTANT(), nullable=False),
        sa.Column("created_by", sa.Integer(), nullable=True),
        sa.Column("cancelled_at", _INSTANT(), nullable=True),
        sa.Column("cancelled_by", sa.Integer(), nullable=True),
        sa.Column("emergency_id", _TEXT(length=36), nullable=True),
        sa.Column("scored_at", _INSTANT(), nullable=True),
        sa.Column("score", sa.JSON(), nullable=True),
        sa.ForeignKeyConstraint(["area_id"], ["area.id"]),
        sa.ForeignKeyConstraint(["cancelled_by"], ["person.id"]),
        sa.ForeignKeyConstraint(["created_by"], ["person.id"]),
        sa.ForeignKeyConstraint(["emergency_id"], ["emergency.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_drill_area_id", "drill", ["area_id"])
    op.create_index("ix_drill_due", "drill", ["state", "start_at"])


def downgrade() -> None:
    """Change it back."""
    op.drop_index("ix_drill_due", "drill")
    op.drop_index("ix_drill_area_id", "drill")
    op.drop_table("drill")
