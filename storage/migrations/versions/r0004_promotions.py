"""Promotions of models: which, when, and by whom."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table; the policy that ships is in force until a model is promoted."""
    op.create_table(
        "promotion",
        sa.Column(
            "seq",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("model", sa.String(), nullable=True),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("undoes", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_promotion"),
    )
