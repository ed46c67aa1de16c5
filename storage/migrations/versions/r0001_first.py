"""The first tables: facts, journal, archive, watchlist."""

import secrets

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

COUNTER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the tables, and the journal's head with this database's own epoch."""
    op.create_table(
        "chunk",
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_chunk"),
    )
    op.create_table(
        "cycle",
        sa.Column("seq", COUNTER, autoincrement=False, nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("market", sa.String(), nullable=False),
        sa.Column("run", sa.String(), nullable=False),
        sa.Column("simulated", sa.Boolean(), nullable=False),
        sa.Column("calendar", sa.String(), nullable=False),
        sa.Column("timeframe", sa.String(), nullable=False),
        sa.Column("as_of", sa.BigInteger(), nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.Column("manifest", sa.Text(), nullable=False),
        sa.Column("inputs", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_cycle"),
        sa.UniqueConstraint("digest", name="uq_cycle_digest"),
    )
    op.create_index(
        "ix_cycle_market_run_calendar_as_of", "cycle", ["market", "run", "calendar", "as_of"]
    )
    op.create_table(
        "engine",
        sa.Column("market", sa.String(), nullable=False),
        sa.Column("run", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("market", "run", name="pk_engine"),
    )
    op.create_table(
        "event",
        sa.Column("seq", COUNTER, autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("run", sa.String(), nullable=False),
        sa.Column("symbol", sa.String(), nullable=True),
        sa.Column("payload", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("seq", name="pk_event"),
    )
    op.create_table(
        "head",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("epoch", sa.String(), nullable=False),
        sa.Column("last_seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_head"),
    )
    op.create_table(
        "series",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("market", sa.String(), nullable=False),
        sa.Column("symbol", sa.String(), nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("fetched_at", sa.BigInteger(), nullable=True),
        sa.Column("succeeded_at", sa.BigInteger(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_series"),
        sa.UniqueConstraint("market", "symbol", "what", name="uq_series_market_symbol_what"),
    )
    op.create_table(
        "watchlist",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("symbols", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_watchlist"),
    )
    op.create_table(
        "action",
        sa.Column("series", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("value", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(["series"], ["series.id"], name="fk_action_series_series"),
        sa.PrimaryKeyConstraint("series", "at", "kind", name="pk_action"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "announcement",
        sa.Column("series", sa.Integer(), nullable=False),
        sa.Column("known_at", sa.BigInteger(), nullable=False),
        sa.Column("eps_estimate", sa.Float(), nullable=True),
        sa.Column("eps_actual", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(["series"], ["series.id"], name="fk_announcement_series_series"),
        sa.PrimaryKeyConstraint("series", "known_at", name="pk_announcement"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "bar",
        sa.Column("series", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("open", sa.Float(), nullable=True),
        sa.Column("high", sa.Float(), nullable=True),
        sa.Column("low", sa.Float(), nullable=True),
        sa.Column("close", sa.Float(), nullable=True),
        sa.Column("volume", sa.Float(), nullable=True),
        sa.Column("adj_close", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(["series"], ["series.id"], name="fk_bar_series_series"),
        sa.PrimaryKeyConstraint("series", "at", name="pk_bar"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "decision",
        sa.Column("seq", COUNTER, autoincrement=False, nullable=False),
        sa.Column("cycle", sa.BigInteger(), nullable=False),
        sa.Column("receipt", sa.String(), nullable=False),
        sa.Column("market", sa.String(), nullable=False),
        sa.Column("run", sa.String(), nullable=False),
        sa.Column("symbol", sa.String(), nullable=False),
        sa.Column("as_of", sa.BigInteger(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("p_up", sa.Float(), nullable=True),
        sa.Column("base_rate", sa.Float(), nullable=True),
        sa.Column("target_weight", sa.Float(), nullable=False),
        sa.Column("price", sa.Float(), nullable=True),
        sa.Column("body", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["cycle"], ["cycle.seq"], name="fk_decision_cycle_cycle"),
        sa.PrimaryKeyConstraint("seq", name="pk_decision"),
        sa.UniqueConstraint("receipt", name="uq_decision_receipt"),
    )
    op.create_index("ix_decision_cycle", "decision", ["cycle"])
    op.create_index("ix_decision_market_run_seq", "decision", ["market", "run", "seq"])
    op.create_index(
        "ix_decision_market_run_symbol_as_of_seq",
        "decision",
        ["market", "run", "symbol", "as_of", "seq"],
    )
    op.create_table(
        "filing",
        sa.Column("series", sa.Integer(), nullable=False),
        sa.Column("known_at", sa.BigInteger(), nullable=False),
        sa.Column("fiscal_year", sa.Integer(), nullable=False),
        sa.Column("fiscal_quarter", sa.Integer(), nullable=False),
        sa.Column("revenue", sa.Float(), nullable=True),
        sa.Column("operating_income", sa.Float(), nullable=True),
        sa.Column("net_income", sa.Float(), nullable=True),
        sa.Column("shares", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(["series"], ["series.id"], name="fk_filing_series_series"),
        sa.PrimaryKeyConstraint(
            "series", "known_at", "fiscal_year", "fiscal_quarter", name="pk_filing"
        ),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "headline",
        sa.Column("series", sa.Integer(), nullable=False),
        sa.Column("known_at", sa.BigInteger(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("headline", sa.Text(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("relevance", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(["series"], ["series.id"], name="fk_headline_series_series"),
        sa.PrimaryKeyConstraint("series", "known_at", "fingerprint", name="pk_headline"),
    )
    op.create_table(
        "vote",
        sa.Column("seq", COUNTER, autoincrement=False, nullable=False),
        sa.Column("decision", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("agent", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("p_up", sa.Float(), nullable=True),
        sa.Column("log_odds", sa.Float(), nullable=True),
        sa.Column("weight", sa.Float(), nullable=False),
        sa.Column("cap", sa.Float(), nullable=False),
        sa.Column("quantile_5", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(["decision"], ["decision.seq"], name="fk_vote_decision_decision"),
        sa.PrimaryKeyConstraint("seq", name="pk_vote"),
        sa.UniqueConstraint("decision", "position", name="uq_vote_decision_position"),
    )
    head = sa.table("head", sa.column("id"), sa.column("epoch"), sa.column("last_seq"))
    op.execute(head.insert().values(id=1, epoch=secrets.token_hex(4), last_seq=0))
