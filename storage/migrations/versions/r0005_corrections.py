"""Corrections of bars, beside the bars as they were stored."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table; nothing is corrected yet."""
    op.create_table(
        "correction",
        sa.Column("series", sa.Integer(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("price_factor", sa.Float(), nullable=True),
        sa.Column("volume_factor", sa.Float(), nullable=True),
        sa.Column("adjusted_factor", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(["series"], ["series.id"], name="fk_correction_series_series"),
        sa.PrimaryKeyConstraint("series", "last", "kind", name="pk_correction"),
        sqlite_with_rowid=False,
    )
