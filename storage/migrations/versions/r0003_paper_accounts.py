"""Paper accounts: their entries, their read models, and notes on round trips."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables; no account exists yet."""
    op.create_table(
        "account",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("market", sa.String(), nullable=False),
        sa.Column("run", sa.String(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_account"),
        sa.UniqueConstraint("market", "run", name="uq_account_market_run"),
    )
    op.create_table(
        "snapshot",
        sa.Column("account", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["account"], ["account.id"], name="fk_snapshot_account_account"),
        sa.PrimaryKeyConstraint("account", name="pk_snapshot"),
    )
    op.create_table(
        "entry",
        *_numbered("entry"),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
    )
    op.create_index("ix_entry_account_kind_number", "entry", ["account", "kind", "number"])
    op.create_table(
        "orders",
        *_numbered("orders"),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("request", sa.String(), nullable=True),
        sa.Column("symbol", sa.String(), nullable=False),
        sa.Column("side", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("placed_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.UniqueConstraint("account", "id", name="uq_orders_account_id"),
        sa.UniqueConstraint("account", "key", name="uq_orders_account_key"),
    )
    for column in ("status", "symbol", "source"):
        op.create_index(
            f"ix_orders_account_{column}_number", "orders", ["account", column, "number"]
        )
    op.create_table(
        "fill",
        *_numbered("fill"),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("order", sa.String(), nullable=False),
        sa.Column("symbol", sa.String(), nullable=False),
        sa.Column("units", sa.Float(), nullable=False),
        sa.Column("price", sa.Float(), nullable=False),
        sa.Column("commission", sa.Float(), nullable=False),
        sa.Column("slippage", sa.Float(), nullable=False),
        sa.Column("charged", sa.Float(), nullable=False),
        sa.Column("moment", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
    )
    for column in ("order", "symbol"):
        op.create_index(f"ix_fill_account_{column}_number", "fill", ["account", column, "number"])
    op.create_table(
        "mark",
        *_numbered("mark"),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("equity", sa.Float(), nullable=False),
        sa.Column("cash", sa.Float(), nullable=False),
        sa.Column("exposure", sa.Float(), nullable=True),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "trip_note",
        sa.Column("account", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("trip", sa.String(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("tags", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["account"], ["account.id"], name="fk_trip_note_account_account"),
        sa.PrimaryKeyConstraint("account", "trip", name="pk_trip_note"),
    )


def _numbered(table: str) -> tuple[sa.schema.SchemaItem, ...]:
    """Return the key of rows: their account and the number of one of its entries."""
    return (
        sa.Column("account", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["account"], ["account.id"], name=f"fk_{table}_account_account"),
        sa.PrimaryKeyConstraint("account", "number", name=f"pk_{table}"),
    )
