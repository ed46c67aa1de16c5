"""The table of promotions, as Alembic's migrations create it. The models themselves are files
(`models.py`)."""

from datetime import datetime

from sqlmodel import Field

from storage.tables import COUNTER, GIVEN, Instant, Row


class Promotion(Row, table=True):
    """`seq` is the number of its `model.promoted`; `model` is NULL for the policy that ships, and
    `undoes` tells that the promotion before it was rolled back."""

    seq: int = Field(primary_key=True, sa_type=COUNTER, sa_column_kwargs=GIVEN)
    at: datetime = Field(sa_type=Instant)
    model: str | None
    by: str
    undoes: bool
