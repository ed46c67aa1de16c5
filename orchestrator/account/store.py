"""One paper account: it opens itself when it is first needed, and is changed only through this
module.

Leaves out what is changed (`service.py`, `cycle_orders.py`) and how it is stored (`storage/`).
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field, field_validator

from domain.errors import VerificationError
from domain.stored_names import ENTRY_KINDS
from domain.trading.account import (
    Account,
    AccountEntry,
    AccountEvent,
    AccountOpened,
    CashTransferred,
    TradingMode,
    TradingState,
    TradingStateChanged,
)
from domain.trading.transactions import AccountCommand, ClientRequest, TransactionResult
from orchestrator.committee.pooling import CommitteeSettings
from orchestrator.ports import AccountLog, Blotter, UnitOfWork
from trading.account.ledger import fold
from trading.account.reconciliation import differences
from trading.limits import TradingSettings
from trading.sizing.profiles import PROFILES

AccountChange = Callable[[Account], Sequence[AccountEvent | AccountEntry]]
"""Decides what happens to the account in its present state; raises to refuse."""


class AccountSettings(BaseModel):
    """How a new paper account begins. One that was opened keeps what it has."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    capital: float = Field(
        default=100_000.0, ge=1.0, le=1e12, description="Cash of a new account, and of a backtest."
    )
    currency: str = Field(
        default="USD", pattern=r"^[A-Z]{3,5}$", description="What its cash is counted in."
    )
    mode: TradingMode = Field(
        default=TradingMode.AUTO,
        description="Trading mode: observe (only records), suggest or auto (orders).",
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
class TradingRules:
    """The rules in force for an account: the settings under its profile."""

    trading: TradingSettings
    committee: CommitteeSettings

    @property
    def position_limit(self) -> float:
        """Largest share of equity in one symbol."""
        return self.committee.sizing.position_limit


@dataclass(frozen=True, slots=True)
class AccountStore:
    """The account of one market and run. `initial_settings` and `opens_at` say how and when it
    begins; bars that closed before `opens_at` do not affect it."""

    market: str
    run: str
    accounts: AccountLog
    blotter: Blotter
    initial_settings: AccountSettings
    opens_at: Callable[[], datetime]

    def account(self) -> Account | None:
        """Return the account now; None if it is not open yet. Raises VerificationError for a broken
        log."""
        return self.accounts.account(self.market, self.run)

    def transact(
        self, at: datetime, change: AccountChange, request: ClientRequest | None = None
    ) -> TransactionResult:
        """Carry out `change` in a transaction of its own; `at` is market time."""
        command = self._opening_if_new(change)
        return self.accounts.transact(self.market, self.run, at, command, request=request)

    def write(self, uow: UnitOfWork, at: datetime, change: AccountChange) -> TransactionResult:
        """Carry out `change` within `uow`."""
        return self.accounts.transact_within(
            uow, self.market, self.run, at, self._opening_if_new(change)
        )

    def reconciliation_differences(self) -> tuple[str, ...]:
        """Rebuild the account from its entries and return every difference in words."""
        try:
            stored = self.account()
            if stored is None:
                return ()
            entries = self.blotter.account_entries(*ENTRY_KINDS.values())
            # entries added during the read are not in the stored account
            return differences(
                stored, fold(entry for entry in entries if entry.number <= stored.entry_count)
            )
        except VerificationError as error:
            return (str(error),)

    def reconcile(self) -> tuple[str, ...]:
        """Return `reconciliation_differences`; any of them halts the account as of its last bar."""
        differences = self.reconciliation_differences()
        if differences:
            with suppress(VerificationError):  # a broken log can be neither traded on nor added to
                self._halt(f"it does not reconcile: {'; '.join(differences)}")
        return differences

    def _halt(self, reason: str) -> None:
        current = self.account()
        if current is None:
            return
        at = max((bar.at for bar in current.last_bars.values()), default=current.opened_at)

        def halt(account: Account) -> Sequence[AccountEvent]:
            risk = replace(
                account.risk, trading_state=TradingState.HALTED, reason=reason, by="reconciliation",
                since=at, until=None, flattening=False,
            )  # fmt: skip
            return [TradingStateChanged(risk)]

        self.transact(at, halt)

    def _opening_if_new(self, change: AccountChange) -> AccountCommand:
        def command(account: Account | None) -> Sequence[AccountEvent | AccountEntry]:
            if account is not None:
                return change(account)
            initial, at = self.initial_settings, self.opens_at()
            opening_entries = (
                AccountEntry(1, at, AccountOpened(initial.currency, initial.mode, initial.profile)),
                AccountEntry(2, at, CashTransferred(initial.capital, "opening capital")),
            )
            return (*opening_entries, *change(fold(opening_entries)))

        return command
