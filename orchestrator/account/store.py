"""The book of one paper account: it opens itself when it is first needed, and changes only here.

Leaves out what happens in it (`floor.py`, `trading_day.py`) and how it is kept (`storage/`).
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from domain.errors import VerificationError
from domain.trading.account import (
    Account,
    CashMoved,
    Entry,
    GuardChanged,
    Happening,
    Mode,
    Opened,
    Standing,
)
from domain.trading.account_json import KINDS
from domain.trading.transactions import Act, Booked, Request
from orchestrator.committee.pooling import CommitteeSettings
from orchestrator.ports import Accounts, Blotter
from trading.account.ledger import fold
from trading.account.reconciliation import differences
from trading.limits import TradingSettings
from trading.sizing.profiles import PROFILES

Change = Callable[[Account], Sequence[Happening | Entry]]
"""Says what happens to the account as it stands; raises to refuse."""


class AccountSettings(BaseModel):
    """How a new paper account begins. One that was opened keeps what it has."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    capital: float = Field(
        default=100_000.0, ge=1.0, le=1e12, description="Cash of a new account, and of a backtest."
    )
    currency: str = Field(
        default="USD", pattern=r"^[A-Z]{3,5}$", description="What its cash is counted in."
    )
    mode: Mode = Field(
        default=Mode.AUTO,
        description="What becomes of decisions: observe (nothing), suggest or auto (orders).",
    )
    profile: str = Field(
        default="balanced",
        description="Sizing and limits by name: conservative, balanced or aggressive.",
    )

    @field_validator("profile")
    @classmethod
    def _is_known(cls, profile: str) -> str:
        if profile not in PROFILES:
            raise ValueError(
                f"account.profile {profile[:40]!r} is none; take one of {', '.join(PROFILES)}"
            )
        return profile


@dataclass(frozen=True, slots=True)
class Rules:
    """What is in force for an account: its profile's word over the settings."""

    trading: TradingSettings
    committee: CommitteeSettings

    @property
    def position_limit(self) -> float:
        """Largest share of equity in one symbol."""
        return self.committee.sizing.position_limit


@dataclass(frozen=True, slots=True)
class Book:
    """The account of one market and run. `opening` says how it begins, `begins` when: bars that
    closed before are none of its business."""

    market: str
    run: str
    accounts: Accounts
    blotter: Blotter
    opening: AccountSettings
    begins: Callable[[], datetime]

    def account(self) -> Account | None:
        """As it stands; None if nothing opened it yet. Raises VerificationError for a log that is
        broken."""
        return self.accounts.account(self.market, self.run)

    def change(self, at: datetime, change: Change, request: Request | None = None) -> Booked:
        """A transaction of its own; `at` is the time of the market."""
        act = self._opened_first(change)
        return self.accounts.transact(self.market, self.run, at, act, request=request)

    def write(self, pen: Any, at: datetime, change: Change) -> Booked:
        """The same within the transaction of `pen`."""
        return self.accounts.book(pen, self.market, self.run, at, self._opened_first(change))

    def unreconciled(self) -> tuple[str, ...]:
        """Rebuilds the account from its entries: every difference in words."""
        try:
            kept = self.account()
            if kept is None:
                return ()
            told = self.blotter.happenings(*KINDS.values())
            # what came while they were read is not in the account that was kept
            return differences(kept, fold(each for each in told if each.number <= kept.number))
        except VerificationError as error:
            return (str(error),)

    def reconcile(self) -> tuple[str, ...]:
        """`unreconciled`, and any difference halts the account as of the last bar it has seen."""
        found = self.unreconciled()
        if found:
            with suppress(VerificationError):  # a broken log can be neither traded on nor added to
                self._halt(f"it does not reconcile: {'; '.join(found)}")
        return found

    def _halt(self, reason: str) -> None:
        known = self.account()
        if known is None:
            return
        at = max((mark.at for mark in known.marks.values()), default=known.opened_at)

        def act(account: Account) -> Sequence[Happening]:
            guard = replace(
                account.guard, standing=Standing.HALTED, reason=reason, by="reconciliation",
                since=at, until=None, flattening=False,
            )  # fmt: skip
            return [GuardChanged(guard)]

        self.change(at, act)

    def _opened_first(self, change: Change) -> Act:
        def act(account: Account | None) -> Sequence[Happening | Entry]:
            if account is not None:
                return change(account)
            opening, at = self.opening, self.begins()
            begun = (
                Entry(1, at, Opened(opening.currency, opening.mode, opening.profile)),
                Entry(2, at, CashMoved(opening.capital, "opening capital")),
            )
            return (*begun, *change(fold(begun)))

        return act
