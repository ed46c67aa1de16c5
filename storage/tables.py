"""The tables, as Alembic's migrations create them.

Two families. *Facts* (series, bar, headline, filing, announcement, action, correction) are bulk
data: written and read as arrays by `market_data/market_facts.py`, never as objects, with instants
as microseconds since 1970. The *journal* (head, event, cycle, decision, vote, chunk) is
append-only; `seq` numbers its events without a gap and is the identity of every entry: a decision
has the seq of its `decision.made`. Next to it are the outcomes of decisions: `pending` lists the
decisions whose outcome is not known yet; when one is settled, a row of `outcome` replaces it;
`lesson` has the learner's state after every round.

The names of tables and columns are those of the first release, so that its homes open unchanged.
Each fact is stored once. A decision's document holds its votes with their reasons; `vote` repeats
only their figures, as columns for charts and scores.
"""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Dialect,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from domain.instants import from_microseconds, to_microseconds

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

COUNTER = BigInteger().with_variant(Integer, "sqlite")
"""64 bits on both databases; on SQLite the type that makes a primary key the row id."""

NO_AUTOINCREMENT = {"autoincrement": False}
"""The journal numbers its own rows."""


class UtcMicroseconds(TypeDecorator[datetime]):
    """An aware UTC datetime stored as microseconds since 1970: exact, ordered, the same on both
    databases."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _: Dialect) -> int | None:
        return None if value is None else to_microseconds(value)

    def process_result_value(self, value: int | None, _: Dialect) -> datetime | None:
        return None if value is None else from_microseconds(value)


class TableRow(SQLModel, registry=registry(metadata=metadata)):
    """The base of every table's class."""


class SeriesRow(TableRow, table=True):
    """One kind of fact about one symbol of one market, and the last attempt to fetch it.

    `what` is 'bars 1d' (bars and their timeframe), 'news', 'filings', 'earnings' or 'actions'.
    """

    __tablename__ = "series"
    __table_args__ = (UniqueConstraint("market", "symbol", "what"),)

    id: int = Field(primary_key=True)
    market: str
    symbol: str
    what: str
    fetched_at: datetime | None = Field(default=None, sa_type=UtcMicroseconds)
    succeeded_at: datetime | None = Field(default=None, sa_type=UtcMicroseconds)
    error: str | None = Field(default=None, sa_type=Text)


class BarRow(TableRow, table=True):
    __tablename__ = "bar"
    __table_args__ = ({"sqlite_with_rowid": False},)

    series: int = Field(primary_key=True, foreign_key="series.id")
    at: int = Field(primary_key=True, sa_type=BigInteger)
    open: float | None
    high: float | None
    low: float | None
    close: float | None
    volume: float | None
    adj_close: float | None


class HeadlineRow(TableRow, table=True):
    """`fingerprint` stands for headline and source, which can be longer than an index allows."""

    __tablename__ = "headline"

    series: int = Field(primary_key=True, foreign_key="series.id")
    known_at: int = Field(primary_key=True, sa_type=BigInteger)
    fingerprint: str = Field(primary_key=True)
    headline: str = Field(sa_type=Text)
    summary: str = Field(sa_type=Text)
    source: str = Field(sa_type=Text)
    url: str = Field(sa_type=Text)
    relevance: float | None


class FilingRow(TableRow, table=True):
    __tablename__ = "filing"
    __table_args__ = ({"sqlite_with_rowid": False},)

    series: int = Field(primary_key=True, foreign_key="series.id")
    known_at: int = Field(primary_key=True, sa_type=BigInteger)
    fiscal_year: int = Field(primary_key=True)
    fiscal_quarter: int = Field(primary_key=True)
    revenue: float | None
    operating_income: float | None
    net_income: float | None
    shares: float | None


class AnnouncementRow(TableRow, table=True):
    __tablename__ = "announcement"
    __table_args__ = ({"sqlite_with_rowid": False},)

    series: int = Field(primary_key=True, foreign_key="series.id")
    known_at: int = Field(primary_key=True, sa_type=BigInteger)
    eps_estimate: float | None
    eps_actual: float | None


class CorporateActionRow(TableRow, table=True):
    __tablename__ = "action"
    __table_args__ = ({"sqlite_with_rowid": False},)

    series: int = Field(primary_key=True, foreign_key="series.id")
    at: int = Field(primary_key=True, sa_type=BigInteger)
    kind: str = Field(primary_key=True)
    value: float | None


class CorrectionRow(TableRow, table=True):
    """A correction of the bars that opened from `first` to `last`, which stay as they were stored.
    Factors are NULL once it is undone."""

    __tablename__ = "correction"
    __table_args__ = ({"sqlite_with_rowid": False},)

    series: int = Field(primary_key=True, foreign_key="series.id")
    last: int = Field(primary_key=True, sa_type=BigInteger)
    kind: str = Field(primary_key=True)
    first: int = Field(sa_type=BigInteger)
    price_factor: float | None
    volume_factor: float | None
    adjusted_factor: float | None


class JournalHeadRow(TableRow, table=True):
    """The journal's only row that changes. Whoever writes events locks it first, so that `seq`
    has no gap and is ordered by commit."""

    __tablename__ = "head"

    id: int = Field(primary_key=True, default=1)
    epoch: str
    last_seq: int = Field(sa_type=BigInteger)


class EventRow(TableRow, table=True):
    """`payload` is JSON; NULL for votes and decisions, whose payload is in `decision.body`."""

    __tablename__ = "event"

    seq: int = Field(primary_key=True, sa_type=COUNTER, sa_column_kwargs=NO_AUTOINCREMENT)
    at: datetime = Field(sa_type=UtcMicroseconds)
    kind: str
    run: str
    symbol: str | None
    payload: str | None = Field(sa_type=Text)


class CycleRow(TableRow, table=True):
    """`manifest` names the chunks of the panel, `inputs` is everything else that went in."""

    __tablename__ = "cycle"
    __table_args__ = (Index(None, "market", "run", "calendar", "as_of"),)

    seq: int = Field(primary_key=True, sa_type=COUNTER, sa_column_kwargs=NO_AUTOINCREMENT)
    digest: str = Field(unique=True)
    market: str
    run: str
    simulated: bool
    calendar: str
    timeframe: str
    as_of: datetime = Field(sa_type=UtcMicroseconds)
    recorded_at: datetime = Field(sa_type=UtcMicroseconds)
    manifest: str = Field(sa_type=Text)
    inputs: str = Field(sa_type=Text)


class DecisionRow(TableRow, table=True):
    """`body` is the decision's canonical JSON, votes included."""

    __tablename__ = "decision"
    __table_args__ = (
        Index(None, "market", "run", "symbol", "as_of", "seq"),
        Index(None, "market", "run", "seq"),
    )

    seq: int = Field(primary_key=True, sa_type=COUNTER, sa_column_kwargs=NO_AUTOINCREMENT)
    cycle: int = Field(foreign_key="cycle.seq", index=True, sa_type=BigInteger)
    receipt: str = Field(unique=True)
    market: str
    run: str
    symbol: str
    as_of: datetime = Field(sa_type=UtcMicroseconds)
    action: str
    p_up: float | None
    base_rate: float | None
    target_weight: float
    price: float | None
    body: str = Field(sa_type=Text)


class VoteRow(TableRow, table=True):
    """`position` is the vote's index in its decision's document."""

    __tablename__ = "vote"
    __table_args__ = (UniqueConstraint("decision", "position"),)

    seq: int = Field(primary_key=True, sa_type=COUNTER, sa_column_kwargs=NO_AUTOINCREMENT)
    decision: int = Field(foreign_key="decision.seq", sa_type=BigInteger)
    position: int
    agent: str
    version: str
    p_up: float | None
    log_odds: float | None
    weight: float
    cap: float
    quantile_5: float | None


class PendingDecisionRow(TableRow, table=True):
    """A decision to be settled; the row is removed when it is."""

    __tablename__ = "pending"
    __table_args__ = (Index(None, "market", "run", "calendar", "timeframe", "as_of"),)

    decision: int = Field(
        primary_key=True,
        foreign_key="decision.seq",
        sa_type=COUNTER,
        sa_column_kwargs=NO_AUTOINCREMENT,
    )
    market: str
    run: str
    calendar: str
    timeframe: str
    as_of: datetime = Field(sa_type=UtcMicroseconds)
    horizon: int


class OutcomeRow(TableRow, table=True):
    """`seq` is the number of its `decision.settled`, `horizon` in bars, `change` a fraction."""

    __tablename__ = "outcome"

    seq: int = Field(primary_key=True, sa_type=COUNTER, sa_column_kwargs=NO_AUTOINCREMENT)
    decision: int = Field(foreign_key="decision.seq", unique=True, sa_type=BigInteger)
    horizon: int
    entry_at: datetime = Field(sa_type=UtcMicroseconds)
    exit_at: datetime = Field(sa_type=UtcMicroseconds)
    change: float
    regime: int
    settled_at: datetime = Field(sa_type=UtcMicroseconds)


class LearnerStateRow(TableRow, table=True):
    """`agents`, `weights`, `trust` and `ledger` are JSON; in force from `due_at`."""

    __tablename__ = "lesson"
    __table_args__ = ({"sqlite_with_rowid": False},)

    market: str = Field(primary_key=True)
    run: str = Field(primary_key=True)
    calendar: str = Field(primary_key=True)
    timeframe: str = Field(primary_key=True)
    horizon: int = Field(primary_key=True)
    as_of: datetime = Field(primary_key=True, sa_type=UtcMicroseconds)
    due_at: datetime = Field(sa_type=UtcMicroseconds)
    agents: str = Field(sa_type=Text)
    weights: str = Field(sa_type=Text)
    trust: str = Field(sa_type=Text)
    ledger: str = Field(sa_type=Text)


class PanelChunkRow(TableRow, table=True):
    """A piece of a panel, named by the SHA-256 of its bytes before compression."""

    __tablename__ = "chunk"

    digest: str = Field(primary_key=True)
    body: bytes = Field(sa_type=LargeBinary)


class EngineStateRow(TableRow, table=True):
    """An engine that was paused, halted or resumed; one that never was has no row."""

    __tablename__ = "engine"

    market: str = Field(primary_key=True)
    run: str = Field(primary_key=True)
    state: str
    reason: str | None = Field(sa_type=Text)


class WatchlistRow(TableRow, table=True):
    """One row once the list was edited; none while the defaults apply. `symbols` is JSON."""

    __tablename__ = "watchlist"

    id: int = Field(primary_key=True, default=1)
    symbols: str = Field(sa_type=Text)


def table(row: type[TableRow]) -> Table:
    """Return the table behind a class, for statements on bulk data."""
    return metadata.tables[str(row.__tablename__)]


def seq_within_range(seq: int) -> int:
    """Return any requested number as one that the databases can compare."""
    return max(0, min(seq, 2**63 - 1))
