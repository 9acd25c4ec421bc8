"""emergencies, live voice, and proving again who one is."""

import sqlalchemy as sa
import sqlmodel.sql.sqltypes
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

SOURCES_BEFORE = ("upload", "speech")
SOURCES = (*SOURCES_BEFORE, "live")
NULLABLE = (
    ("bulletin_id", sa.String(36)),
    ("clip_sha256", sa.String(64)),
    ("clip_size_bytes", sa.Integer()),
    ("clip_duration_ms", sa.Integer()),
)
_TEXT = sqlmodel.sql.sqltypes.AutoString
_INSTANT = sqlmodel.sql.sqltypes.UTCDateTime


def _words(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=24)


def upgrade() -> None:
    """Change the schema forwards."""
    op.create_table(
        "emergency",
        sa.Column("id", _TEXT(length=36), nullable=False),
        sa.Column("area_id", sa.Integer(), nullable=False),
        sa.Column("title", _TEXT(length=160), nullable=False),
        sa.Column("text", _TEXT(length=8000), nullable=False),
        sa.Column("mode", _words("mode", "actual", "test", "drill"), nullable=False),
        sa.Column(
            "source",
            _words("emergencysource", "warning", "text", "recording", "voice", "cap"),
            nullable=False,
        ),
        sa.Column("state", _words("emergencystate", "draft", "active", "ended"), nullable=False),
        sa.Column("hazard", _TEXT(length=40), nullable=True),
        sa.Column("level", sa.Integer(), nullable=True),
        sa.Column("warning_key", _TEXT(length=60), nullable=True),
        sa.Column("bulletin_id", _TEXT(length=36), nullable=True),
        sa.Column("audience", sa.JSON(), nullable=False),
        sa.Column("clips", sa.JSON(), nullable=False),
        sa.Column("gain_db", sa.Float(), nullable=False),
        sa.Column("every_ms", sa.Integer(), nullable=True),
        sa.Column("ordered_until_at", _INSTANT(), nullable=True),
        sa.Column("until_at", _INSTANT(), nullable=False),
        sa.Column("created_at", _INSTANT(), nullable=False),
        sa.Column("ordered_by", sa.Integer(), nullable=True),
        sa.Column("in_quiet_hours", sa.Boolean(), nullable=False),
        sa.Column("superseded_by", _TEXT(length=36), nullable=True),
        sa.Column("ended_at", _INSTANT(), nullable=True),
        sa.Column("ended_by", sa.Integer(), nullable=True),
        sa.Column(
            "ending",
            _words("ending", "all_clear", "false_alarm", "stopped", "superseded", "expired", "finished"),
            nullable=True,
        ),
        sa.Column("reviewed_at", _INSTANT(), nullable=True),
        sa.Column("reviewed_by", sa.Integer(), nullable=True),
        sa.Column("review", _TEXT(length=2000), nullable=False),
        sa.ForeignKeyConstraint(["area_id"], ["area.id"]),
        sa.ForeignKeyConstraint(["bulletin_id"], ["bulletin.id"]),
        sa.ForeignKeyConstraint(["ended_by"], ["person.id"]),
        sa.ForeignKeyConstraint(["ordered_by"], ["person.id"]),
        sa.ForeignKeyConstraint(["reviewed_by"], ["person.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_emergency_area_id", "emergency", ["area_id"])
    op.create_index("ix_emergency_open", "emergency", ["state", "until_at"])
    with op.batch_alter_table("broadcast") as batch_op:
        batch_op.add_column(sa.Column("clips", sa.JSON(), nullable=False, server_default="[]"))
        batch_op.add_column(sa.Column("live", sa.JSON(), nullable=True))
        batch_op.add_column(sa.Column("emergency_id", _TEXT(length=36), nullable=True))
        batch_op.add_column(sa.Column("supersedes", sa.JSON(), nullable=False, server_default="[]"))
        batch_op.add_column(sa.Column("gain_db", sa.Float(), nullable=False, server_default="0"))
        for name, kind in NULLABLE:
            batch_op.alter_column(name, existing_type=kind, nullable=True)
        batch_op.create_index("ix_broadcast_emergency_id", ["emergency_id"])
        batch_op.create_foreign_key("fk_broadcast_emergency_id", "emergency", ["emergency_id"], ["id"])
    with op.batch_alter_table("bulletin") as batch_op:
        batch_op.add_column(sa.Column("warning_key", _TEXT(length=60), nullable=True))
        batch_op.add_column(sa.Column("hazard", _TEXT(length=40), nullable=True))
        batch_op.add_column(sa.Column("level", sa.Integer(), nullable=True))
        batch_op.create_index("ix_bulletin_warning_key", ["warning_key"])
        batch_op.alter_column(
            "source",
            existing_type=_words("source", *SOURCES_BEFORE),
            type_=_words("source", *SOURCES),
            existing_nullable=False,
        )
    with op.batch_alter_table("login") as batch_op:
        batch_op.add_column(sa.Column("stepped_up_at", _INSTANT(), nullable=True))
    with op.batch_alter_table("person") as batch_op:
        batch_op.add_column(sa.Column("totp_secret", _TEXT(length=64), nullable=True))
        batch_op.add_column(sa.Column("totp_used", sa.Integer(), nullable=True))


def downgrade() -> None:
    """Change it back; live broadcasts go, which the older version cannot hold."""
    live = "(SELECT id FROM broadcast WHERE clip_sha256 IS NULL OR bulletin_id IS NULL)"
    delivery = f"(SELECT id FROM delivery WHERE broadcast_id IN {live})"  # noqa: S608 - ours, no input
    order = f'(SELECT id FROM "order" WHERE broadcast_id IN {live})'  # noqa: S608
    op.execute(f"DELETE FROM deliveryhistory WHERE delivery_id IN {delivery}")  # noqa: S608
    op.execute(f"DELETE FROM outbox WHERE order_id IN {order}")  # noqa: S608
    op.execute(f'DELETE FROM "order" WHERE broadcast_id IN {live}')  # noqa: S608
    op.execute(f"DELETE FROM delivery WHERE broadcast_id IN {live}")  # noqa: S608
    op.execute("DELETE FROM broadcast WHERE clip_sha256 IS NULL OR bulletin_id IS NULL")
    op.execute("UPDATE bulletin SET source = 'upload' WHERE source = 'live'")
    with op.batch_alter_table("person") as batch_op:
        batch_op.drop_column("totp_used")
        batch_op.drop_column("totp_secret")
    with op.batch_alter_table("login") as batch_op:
        batch_op.drop_column("stepped_up_at")
    with op.batch_alter_table("bulletin") as batch_op:
        batch_op.alter_column(
            "source",
            existing_type=_words("source", *SOURCES),
            type_=_words("source", *SOURCES_BEFORE),
            existing_nullable=False,
        )
        batch_op.drop_index("ix_bulletin_warning_key")
        batch_op.drop_column("level")
        batch_op.drop_column("hazard")
        batch_op.drop_column("warning_key")
    with op.batch_alter_table("broadcast") as batch_op:
        batch_op.drop_constraint("fk_broadcast_emergency_id", type_="foreignkey")
        batch_op.drop_index("ix_broadcast_emergency_id")
        for name, kind in NULLABLE:
            batch_op.alter_column(name, existing_type=kind, nullable=False)
        for name in ("gain_db", "supersedes", "emergency_id", "live", "clips"):
            batch_op.drop_column(name)
    op.drop_index("ix_emergency_open", "emergency")
    op.drop_index("ix_emergency_area_id", "emergency")
    op.drop_table("emergency")
