"""feeds of alerts, and the alerts that came."""

import sqlalchemy as sa
import sqlmodel.sql.sqltypes
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_TEXT = sqlmodel.sql.sqltypes.AutoString
_INSTANT = sqlmodel.sql.sqltypes.UTCDateTime


def upgrade() -> None:
    """Change the schema forwards."""
    op.create_table(
        "cap_feed",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", _TEXT(length=60), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "http", "mqtt", "push", name="feedkind", native_enum=False, create_constraint=True, length=24
            ),
            nullable=False,
        ),
        sa.Column("area_id", sa.Integer(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("senders", sa.JSON(), nullable=False),
        sa.Column("certificate_pem", _TEXT(length=20000), nullable=True),
        sa.Column("url", _TEXT(length=500), nullable=True),
        sa.Column("hosts", sa.JSON(), nullable=False),
        sa.Column("private_allowed", sa.Boolean(), nullable=False),
        sa.Column("topic", _TEXT(length=200), nullable=True),
        sa.Column("username", _TEXT(length=120), nullable=True),
        sa.Column("password", _TEXT(length=200), nullable=True),
        sa.Column("tls_ca", _TEXT(length=500), nullable=True),
        sa.Column("token_sha256", _TEXT(length=64), nullable=True),
        sa.Column("auto_level", sa.Integer(), nullable=True),
        sa.Column("drills", sa.Boolean(), nullable=False),
        sa.Column("waits_for_onset", sa.Boolean(), nullable=False),
        sa.Column("tolerant_times", sa.Boolean(), nullable=False),
        sa.Column("allow_11", sa.Boolean(), nullable=False),
        sa.Column("languages", sa.JSON(), nullable=False),
        sa.Column("geocodes", sa.JSON(), nullable=False),
        sa.Column("repeat_minutes", sa.Integer(), nullable=True),
        sa.Column("interval_s", sa.Integer(), nullable=True),
        sa.Column("created_at", _INSTANT(), nullable=False),
        sa.Column("succeeded_at", _INSTANT(), nullable=True),
        sa.Column("problem", _TEXT(length=200), nullable=False),
        sa.Column("silent_since", _INSTANT(), nullable=True),
        sa.ForeignKeyConstraint(
            ["area_id"],
            ["area.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
        sa.UniqueConstraint("token_sha256"),
    )
    op.create_table(
        "cap_alert",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sender", _TEXT(length=200), nullable=False),
        sa.Column("identifier", _TEXT(length=200), nullable=False),
        sa.Column("sent_at", _INSTANT(), nullable=False),
        sa.Column("feed_id", sa.Integer(), nullable=True),
        sa.Column("area_id", sa.Integer(), nullable=False),
        sa.Column("sha256", _TEXT(length=64), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.Column(
            "msg_type",
            sa.Enum(
                "Alert",
                "Update",
                "Cancel",
                "Ack",
                "Error",
                name="msgtype",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column(
            "status",
            sa.Enum(
                "Actual",
                "Exercise",
                "System",
                "Test",
                "Draft",
                name="capstatus",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column(
            "scope",
            sa.Enum(
                "Public",
                "Restricted",
                "Private",
                name="capscope",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("references", sa.JSON(), nullable=False),
        sa.Column("title", _TEXT(length=160), nullable=False),
        sa.Column("level", sa.Integer(), nullable=True),
        sa.Column("proven", sa.Boolean(), nullable=False),
        sa.Column("contested_at", _INSTANT(), nullable=True),
        sa.Column(
            "state",
            sa.Enum(
                "heartbeat",
                "ignored",
                "in_force",
                "superseded",
                "cancelled",
                "tombstone",
                "expired",
                name="capstate",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("reason", _TEXT(length=40), nullable=True),
        sa.Column("obstacle", _TEXT(length=40), nullable=True),
        sa.Column("unspoken", sa.JSON(), nullable=False),
        sa.Column("emergency_ids", sa.JSON(), nullable=False),
        sa.Column("received_at", _INSTANT(), nullable=False),
        sa.Column("effective_at", _INSTANT(), nullable=True),
        sa.Column("starts_at", _INSTANT(), nullable=True),
        sa.Column("expires_at", _INSTANT(), nullable=False),
        sa.Column("version", _TEXT(length=4), nullable=False),
        sa.ForeignKeyConstraint(
            ["area_id"],
            ["area.id"],
        ),
        sa.ForeignKeyConstraint(
            ["feed_id"],
            ["cap_feed.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("sender", "identifier", "sent_at"),
    )
    with op.batch_alter_table("cap_alert", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_cap_alert_feed_id"), ["feed_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_cap_alert_received_at"), ["received_at"], unique=False)


def downgrade() -> None:
    """Change it back."""
    with op.batch_alter_table("cap_alert", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_cap_alert_received_at"))
        batch_op.drop_index(batch_op.f("ix_cap_alert_feed_id"))

    op.drop_table("cap_alert")
    op.drop_table("cap_feed")
