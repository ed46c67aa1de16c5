"""The commands of the paper account: `account`, `orders`, `order`, `cancel`, `reconcile`, `audit`,
`parity`.

Only words are parsed here; each command calls one function and prints what it returned.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from cli.terminal import (
    JsonOption,
    MarketOption,
    OnlySymbolsOption,
    load_settings_with,
    log,
    print_json,
    print_result,
    stdout_console,
)
from domain.errors import InputError
from domain.symbols import parse_symbol
from domain.trading.account import Account, TradingMode
from domain.trading.orders import OrderType, Side, Ticket, TimeInForce

if TYPE_CHECKING:  # heavy
    from cli.account.account_session import AccountSession

account = typer.Typer(help="The paper account: what it holds and may do.", no_args_is_help=True)

RunOption = Annotated[str, typer.Option("--run", help="'live', or a replay's name.")]
Note = Annotated[str, typer.Option(help="Why; it stays in the audit log.")]
Amount = Annotated[float, typer.Argument(help="In the account's currency.")]

ACTOR = "the command line"
"""The author that the log records."""


@account.command()
def show(run: RunOption = "live", market: MarketOption = None, as_json: JsonOption = False) -> None:
    """What it is worth, holds and may do."""
    _change_and_show(lambda session: session.service.account(), run, market, as_json)


@account.command()
def deposit(
    amount: Amount,
    note: Note = "",
    run: RunOption = "live",
    market: MarketOption = None,
    as_json: JsonOption = False,
) -> None:
    """Pay AMOUNT in."""
    _refuse_unless_positive(amount)
    _change_and_show(
        lambda session: session.service.transfer_cash(amount, note), run, market, as_json
    )


@account.command()
def withdraw(
    amount: Amount,
    note: Note = "",
    run: RunOption = "live",
    market: MarketOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take AMOUNT out of the cash."""
    _refuse_unless_positive(amount)
    _change_and_show(
        lambda session: session.service.transfer_cash(-amount, note), run, market, as_json
    )


@account.command()
def reset(
    capital: Annotated[
        float | None, typer.Argument(help="Cash of the new beginning; as configured.")
    ] = None,
    note: Note = "",
    yes: Annotated[bool, typer.Option("--yes", help="Really reset it.")] = False,
    run: RunOption = "live",
    market: MarketOption = None,
    as_json: JsonOption = False,
) -> None:
    """Reset the account: orders end, positions leave the book; what was stays in the audit log."""
    if not yes:
        raise InputError("A reset ends every order and position. Add --yes to do it.")
    if capital is None:
        capital = load_settings_with(market, None).account.capital
    _change_and_show(lambda session: session.service.reset(capital, note), run, market, as_json)


@account.command()
def mode(
    mode: Annotated[TradingMode, typer.Argument(help="The new trading mode.")],
    run: RunOption = "live",
    market: MarketOption = None,
    as_json: JsonOption = False,
) -> None:
    """Set the trading mode: only record decisions, suggest orders, or place them."""
    _change_and_show(
        lambda session: session.service.update_settings(mode=mode, profile=None, by=ACTOR),
        run,
        market,
        as_json,
    )


@account.command()
def profile(
    name: Annotated[str, typer.Argument(help="conservative, balanced or aggressive.")],
    run: RunOption = "live",
    market: MarketOption = None,
    as_json: JsonOption = False,
) -> None:
    """Size and limit by another strategy profile from the next cycle on."""
    _change_and_show(
        lambda session: session.service.update_settings(mode=None, profile=name, by=ACTOR),
        run,
        market,
        as_json,
    )


@account.command()
def stop(
    flatten: Annotated[bool, typer.Option("--flatten", help="Sell all that is held.")] = False,
    reason: Annotated[str, typer.Option(help="Why.")] = "stopped by hand",
    run: RunOption = "live",
    market: MarketOption = None,
    as_json: JsonOption = False,
) -> None:
    """Emergency stop: every order is cancelled and the account halted until `resume`."""
    _change_and_show(
        lambda session: session.service.emergency_stop(flatten=flatten, reason=reason, by=ACTOR),
        run,
        market,
        as_json,
    )


@account.command()
def resume(
    run: RunOption = "live", market: MarketOption = None, as_json: JsonOption = False
) -> None:
    """Let a halted or reducing account trade again."""
    _change_and_show(lambda session: session.service.resume_trading(by=ACTOR), run, market, as_json)


def orders(
    open_only: Annotated[bool, typer.Option("--open", help="Only those that may trade.")] = False,
    symbols: OnlySymbolsOption = None,
    limit: Annotated[
        int, typer.Option(min=1, max=1000, help="At most so many, newest first.")
    ] = 50,
    run: RunOption = "live",
    market: MarketOption = None,
    as_json: JsonOption = False,
) -> None:
    """The account's orders, newest first."""
    from cli.account import account_session

    with account_session.open_account_session(
        load_settings_with(market, None), run, log
    ) as session:
        lines = session.blotter.orders(open_only=open_only, symbols=symbols or [], limit=limit)
    print_result(
        as_json,
        lambda: {"orders": [account_session.order_json(line.order) for line in lines]},
        lambda: account_session.show_orders(lines, stdout_console),
    )


def order(
    symbol: Annotated[str, typer.Argument(help="Such as AAPL or BTC-USD.")],
    side: Annotated[Side, typer.Argument()],
    quantity: Annotated[float, typer.Argument(help="Units.")],
    limit: Annotated[float | None, typer.Option(help="Not worse than this price.")] = None,
    stop: Annotated[float | None, typer.Option(help="Once this price was touched.")] = None,
    trail: Annotated[
        float | None, typer.Option(help="Stop this far behind the best price.")
    ] = None,
    trail_share: Annotated[
        float | None, typer.Option(help="The same, as a fraction of the price.")
    ] = None,
    term: Annotated[TimeInForce, typer.Option(help="How long it stands.")] = TimeInForce.DAY,
    reduce_only: Annotated[bool, typer.Option("--reduce-only", help="Never open or turn.")] = False,
    stop_loss: Annotated[
        float | None, typer.Option(help="Bracket: exit price with a loss.")
    ] = None,
    take_profit: Annotated[
        float | None, typer.Option(help="Bracket: exit price with a gain.")
    ] = None,
    note: Annotated[str, typer.Option(help="Kept with the order.")] = "",
    key: Annotated[
        str | None, typer.Option(help="Idempotency key: the same again places nothing new.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Place it; without, only a preview.")] = False,
    run: RunOption = "live",
    market: MarketOption = None,
    as_json: JsonOption = False,
) -> None:
    """Preview an order with its costs and checks; with --yes, place it."""
    from cli.account import account_session
    from domain.canonical import to_json

    ticket = Ticket(
        symbol=parse_symbol(symbol), side=side, quantity=quantity,
        order_type=_order_type(limit, stop, trail, trail_share), time_in_force=term,
        limit_price=limit, stop_price=stop, trail_amount=trail, trail_fraction=trail_share,
        reduce_only=reduce_only, stop_loss=stop_loss, take_profit=take_profit, note=note,
    )  # fmt: skip
    with account_session.open_account_session(
        load_settings_with(market, None), run, log
    ) as session:
        if not yes:
            preview, placed = session.service.preview(ticket), None
        else:
            preview, placed = account_session.place_order(session, ticket, key)
    if as_json:
        body = {
            "preview": to_json(preview),
            "order": placed and account_session.order_json(placed),
        }
        print_json(body)
        return
    account_session.show_preview(preview, stdout_console)
    if placed is not None:
        account_session.show_order(placed, stdout_console)
    else:
        log("Nothing was placed. Add --yes to place it.")


def cancel(
    id: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="As `quorum orders` prints it.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every open order.")] = False,
    run: RunOption = "live",
    market: MarketOption = None,
    as_json: JsonOption = False,
) -> None:
    """Cancel an open order, or all of them."""
    from cli.account import account_session

    if (id is None) is not everything:
        raise InputError("Name one order by its id, or give --all for every open one.")
    with account_session.open_account_session(
        load_settings_with(market, None), run, log
    ) as session:
        cancelled = session.service.cancel_all() if id is None else (session.service.cancel(id),)
    if as_json:
        print_json({"orders": [account_session.order_json(order) for order in cancelled]})
        return
    for each in cancelled:
        account_session.show_order(each, stdout_console)
    if not cancelled:
        stdout_console.print("No order was open.")


def reconcile(
    run: RunOption = "live", market: MarketOption = None, as_json: JsonOption = False
) -> None:
    """Rebuild the account from its entries: it must agree to the cent."""
    from cli.account import account_session

    with account_session.open_account_session(
        load_settings_with(market, None), run, log
    ) as session:
        differences = session.service.reconcile()
        entries = session.service.account().entry_count
    if as_json:
        print_json({"run": run, "entries": entries, "differences": list(differences)})
    elif not differences:
        stdout_console.print(f"{entries} entries make the account as it is kept.")
    account_session.refuse_if_different(differences)


def parity(
    day: Annotated[str, typer.Option("--day", help="A date (UTC), such as 2020-03-02.")],
    last: Annotated[str | None, typer.Option("--to", help="Last of several days.")] = None,
    run: RunOption = "live",
    market: MarketOption = None,
    as_json: JsonOption = False,
) -> None:
    """Replay paper days as a backtest: every difference in vote, decision, order and fill."""
    from cli.account import parity

    report = parity.compare_paper_days(load_settings_with(market, None), run, day, last, log)
    print_result(
        as_json, lambda: parity.as_json(report), lambda: parity.show(report, stdout_console)
    )


def audit(
    verify: Annotated[bool, typer.Option("--verify", help="Prove that the log is whole.")] = False,
    after: Annotated[int, typer.Option(min=0, help="Entries after this number.")] = 0,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")] = 50,
    run: RunOption = "live",
    market: MarketOption = None,
    as_json: JsonOption = False,
) -> None:
    """The log of everything that ever happened to the account; with --verify, its proof."""
    from cli.account import account_session

    with account_session.open_account_session(
        load_settings_with(market, None), run, log
    ) as session:
        lines = session.blotter.entries(after, limit)
        differences = account_session.verify_log(session) if verify else ()
    print_result(
        as_json,
        lambda: account_session.audit_json(lines, differences if verify else None),
        lambda: account_session.show_audit(lines, differences if verify else None, stdout_console),
    )
    account_session.refuse_if_broken(differences)


def _change_and_show(
    change: Callable[["AccountSession"], Account], run: str, market: str | None, as_json: bool
) -> None:
    """Change the account of a run and print the result."""
    from cli.account import account_session

    with account_session.open_account_session(
        load_settings_with(market, None), run, log
    ) as session:
        account_after = change(session)
        print_result(
            as_json,
            lambda: account_session.account_json(session, account_after),
            lambda: account_session.show_account(session, account_after, stdout_console),
        )


def _order_type(
    limit: float | None, stop: float | None, trail: float | None, trail_share: float | None
) -> OrderType:
    if trail is not None or trail_share is not None:
        return OrderType.TRAILING_STOP
    if stop is not None:
        return OrderType.STOP if limit is None else OrderType.STOP_LIMIT
    return OrderType.MARKET if limit is None else OrderType.LIMIT


def _refuse_unless_positive(amount: float) -> None:
    if not amount > 0.0:
        raise InputError(f"{amount:g} cannot be moved. Give an amount above 0, such as 1000.")
