"""The tables of paper accounts, as Alembic's migrations create them.

`entry` is the only truth: append-only, each row bound to the one before by its digest
(`storage/accounts/hash_chain.py`). `account` holds the head of that chain and `snapshot` the
account that results from it. `orders`, `fill` and `mark` are read models: the entries arranged for
the queries of pages; `storage/accounts/audit.py` checks that they follow. `trip_note` holds
people's notes on their trades, which are not part of the account.
"""

from datetime import datetime

from sqlalchemy import BigInteger, Index, Text, UniqueConstraint
from sqlmodel import Field

from storage.tables import NO_AUTOINCREMENT, TableRow, UtcMicroseconds


class AccountRow(TableRow, table=True):
    """One for each market and run. `number` and `digest` are those of its last entry."""

    __tablename__ = "account"
    __table_args__ = (UniqueConstraint("market", "run"),)

    id: int = Field(primary_key=True)
    market: str
    run: str
    number: int = Field(sa_type=BigInteger)
    digest: str


class AccountSnapshotRow(TableRow, table=True):
    """The account in JSON after the entry `number`, which may be some entries ago. Separate from
    `account`, because SQLite writes whole rows and that one changes with every entry."""

    __tablename__ = "snapshot"

    account: int = Field(
        primary_key=True, foreign_key="account.id", sa_column_kwargs=NO_AUTOINCREMENT
    )
    number: int = Field(sa_type=BigInteger)
    body: str = Field(sa_type=Text)


class AccountEntryRow(TableRow, table=True):
    """`at` belongs to the market and `recorded_at` to the clock; `body` is canonical JSON."""

    __tablename__ = "entry"
    __table_args__ = (Index(None, "account", "kind", "number"),)

    account: int = Field(
        primary_key=True, foreign_key="account.id", sa_column_kwargs=NO_AUTOINCREMENT
    )
    number: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs=NO_AUTOINCREMENT)
    at: datetime = Field(sa_type=UtcMicroseconds)
    recorded_at: datetime = Field(sa_type=UtcMicroseconds)
    kind: str
    body: str = Field(sa_type=Text)
    digest: str


class StoredOrderRow(TableRow, table=True):
    """An order as it is now, in JSON in `body`. `number` is that of the entry that placed it;
    `request` the digest of the request made under `key`, NULL if there was none."""

    __tablename__ = "orders"
    __table_args__ = (
        UniqueConstraint("account", "id"),
        UniqueConstraint("account", "key"),
        Index(None, "account", "status", "number"),
        Index(None, "account", "symbol", "number"),
        Index(None, "account", "source", "number"),
    )

    account: int = Field(
        primary_key=True, foreign_key="account.id", sa_column_kwargs=NO_AUTOINCREMENT
    )
    number: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs=NO_AUTOINCREMENT)
    id: str
    key: str
    request: str | None
    symbol: str
    side: str
    kind: str
    status: str
    source: str
    placed_at: datetime = Field(sa_type=UtcMicroseconds)
    updated_at: datetime = Field(sa_type=UtcMicroseconds)
    body: str = Field(sa_type=Text)


class StoredFillRow(TableRow, table=True):
    """An `OrderFilled` with the number of its entry, and the source of its order."""

    __tablename__ = "fill"
    __table_args__ = (
        Index(None, "account", "order", "number"),
        Index(None, "account", "symbol", "number"),
    )

    account: int = Field(
        primary_key=True, foreign_key="account.id", sa_column_kwargs=NO_AUTOINCREMENT
    )
    number: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs=NO_AUTOINCREMENT)
    at: datetime = Field(sa_type=UtcMicroseconds)
    order: str
    symbol: str
    units: float
    price: float
    commission: float
    slippage: float
    charged: float
    moment: str
    source: str


class EquityPointRow(TableRow, table=True):
    """The account's value at the close of a row of bars; `exposure` is the value of positions, long
    and short together, over equity, NULL if equity is not positive or a price is missing."""

    __tablename__ = "mark"
    __table_args__ = ({"sqlite_with_rowid": False},)

    account: int = Field(
        primary_key=True, foreign_key="account.id", sa_column_kwargs=NO_AUTOINCREMENT
    )
    number: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs=NO_AUTOINCREMENT)
    at: datetime = Field(sa_type=UtcMicroseconds)
    equity: float
    cash: float
    exposure: float | None


class TradeNoteRow(TableRow, table=True):
    """`trip` is the id of a `domain.trading.lots.RoundTrip`; `tags` is a JSON list."""

    __tablename__ = "trip_note"

    account: int = Field(
        primary_key=True, foreign_key="account.id", sa_column_kwargs=NO_AUTOINCREMENT
    )
    trip: str = Field(primary_key=True)
    note: str = Field(sa_type=Text)
    tags: str = Field(sa_type=Text)
    updated_at: datetime = Field(sa_type=UtcMicroseconds)
