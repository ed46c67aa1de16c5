"""The table of promotions, as Alembic's migrations create it. The models themselves are files
(`model_files.py`)."""

from datetime import datetime

from sqlmodel import Field

from storage.tables import COUNTER, NO_AUTOINCREMENT, TableRow, UtcMicroseconds


class PromotionRow(TableRow, table=True):
    """`seq` is the number of its `model.promoted`; `model` is NULL for the policy that ships, and
    `undoes` is whether the promotion before it was rolled back."""

    __tablename__ = "promotion"

    seq: int = Field(primary_key=True, sa_type=COUNTER, sa_column_kwargs=NO_AUTOINCREMENT)
    at: datetime = Field(sa_type=UtcMicroseconds)
    model: str | None
    by: str
    undoes: bool
