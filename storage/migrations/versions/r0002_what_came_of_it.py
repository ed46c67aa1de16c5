"""Outcomes of decisions: pending decisions, outcomes, and what was learnt."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

COUNTER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

_HORIZON = {
    "sqlite": "json_extract(cycle.manifest, '$.horizon')",
    "postgresql": "CAST(CAST(cycle.manifest AS json) ->> 'horizon' AS integer)",
}


def upgrade() -> None:
    """Create the tables, and make every decision recorded so far pending."""
    op.create_table(
        "pending",
        sa.Column("decision", COUNTER, autoincrement=False, nullable=False),
        sa.Column("market", sa.String(), nullable=False),
        sa.Column("run", sa.String(), nullable=False),
        sa.Column("calendar", sa.String(), nullable=False),
        sa.Column("timeframe", sa.String(), nullable=False),
        sa.Column("as_of", sa.BigInteger(), nullable=False),
        sa.Column("horizon", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["decision"], ["decision.seq"], name="fk_pending_decision_decision"
        ),
        sa.PrimaryKeyConstraint("decision", name="pk_pending"),
    )
    op.create_index(
        "ix_pending_market_run_calendar_timeframe_as_of",
        "pending",
        ["market", "run", "calendar", "timeframe", "as_of"],
    )
    op.create_table(
        "outcome",
        sa.Column("seq", COUNTER, autoincrement=False, nullable=False),
        sa.Column("decision", sa.BigInteger(), nullable=False),
        sa.Column("horizon", sa.Integer(), nullable=False),
        sa.Column("entry_at", sa.BigInteger(), nullable=False),
        sa.Column("exit_at", sa.BigInteger(), nullable=False),
        sa.Column("change", sa.Float(), nullable=False),
        sa.Column("regime", sa.Integer(), nullable=False),
        sa.Column("settled_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["decision"], ["decision.seq"], name="fk_outcome_decision_decision"
        ),
        sa.PrimaryKeyConstraint("seq", name="pk_outcome"),
        sa.UniqueConstraint("decision", name="uq_outcome_decision"),
    )
    op.create_table(
        "lesson",
        sa.Column("market", sa.String(), nullable=False),
        sa.Column("run", sa.String(), nullable=False),
        sa.Column("calendar", sa.String(), nullable=False),
        sa.Column("timeframe", sa.String(), nullable=False),
        sa.Column("horizon", sa.Integer(), nullable=False),
        sa.Column("as_of", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("agents", sa.Text(), nullable=False),
        sa.Column("weights", sa.Text(), nullable=False),
        sa.Column("trust", sa.Text(), nullable=False),
        sa.Column("ledger", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint(
            "market", "run", "calendar", "timeframe", "horizon", "as_of", name="pk_lesson"
        ),
        sqlite_with_rowid=False,
    )
    horizon = _HORIZON[op.get_bind().dialect.name]
    op.execute(
        "INSERT INTO pending (market, run, calendar, timeframe, as_of, decision, horizon)"  # noqa: S608
        " SELECT cycle.market, cycle.run, cycle.calendar, cycle.timeframe, cycle.as_of,"
        f" decision.seq, {horizon} FROM decision JOIN cycle ON cycle.seq = decision.cycle"
        " WHERE decision.price IS NOT NULL"
    )
