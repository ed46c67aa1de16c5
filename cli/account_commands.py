"""The verbs of the paper account: `account`, `orders`, `order`, `cancel`, `reconcile`, `audit`,
`parity`.

Only words are parsed here; each verb calls one function and prints what it returned.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from cli.terminal import AsJson, OnlySymbols, OnMarket, print_json, results, say, settings_of
from domain.errors import InputError
from domain.symbols import parse_symbol
from domain.trading.account import Account, Mode
from domain.trading.orders import Kind, Side, Term, Ticket

if TYPE_CHECKING:  # heavy
    from cli.account_session import Counter

account = typer.Typer(help="The paper account: what it holds and may do.", no_args_is_help=True)

OfRun = Annotated[str, typer.Option("--run", help="'live', or a replay's name.")]
Note = Annotated[str, typer.Option(help="Why; it stays in the audit log.")]
Amount = Annotated[float, typer.Argument(help="In the account's currency.")]

BY = "the command line"
"""Who the log says it was."""


@account.command()
def show(run: OfRun = "live", market: OnMarket = None, as_json: AsJson = False) -> None:
    """What it is worth, holds and may do."""
    _show(lambda at: at.floor.account(), run, market, as_json)


@account.command()
def deposit(
    amount: Amount,
    note: Note = "",
    run: OfRun = "live",
    market: OnMarket = None,
    as_json: AsJson = False,
) -> None:
    """Pay AMOUNT in."""
    _refuse_unless_positive(amount)
    _show(lambda at: at.floor.move_cash(amount, note), run, market, as_json)


@account.command()
def withdraw(
    amount: Amount,
    note: Note = "",
    run: OfRun = "live",
    market: OnMarket = None,
    as_json: AsJson = False,
) -> None:
    """Take AMOUNT out of the cash."""
    _refuse_unless_positive(amount)
    _show(lambda at: at.floor.move_cash(-amount, note), run, market, as_json)


@account.command()
def reset(
    capital: Annotated[
        float | None, typer.Argument(help="Cash of the new beginning; as configured.")
    ] = None,
    note: Note = "",
    yes: Annotated[bool, typer.Option("--yes", help="Really begin anew.")] = False,
    run: OfRun = "live",
    market: OnMarket = None,
    as_json: AsJson = False,
) -> None:
    """Begin anew: orders end, positions leave the book; what was stays in the audit log."""
    if not yes:
        raise InputError("A reset ends every order and position. Add --yes to do it.")
    if capital is None:
        capital = settings_of(market, None).account.capital
    _show(lambda at: at.floor.reset(capital, note), run, market, as_json)


@account.command()
def mode(
    mode: Annotated[Mode, typer.Argument(help="What becomes of decisions.")],
    run: OfRun = "live",
    market: OnMarket = None,
    as_json: AsJson = False,
) -> None:
    """Observe decisions, suggest orders, or place them."""
    _show(lambda at: at.floor.switch(mode=mode, profile=None, by=BY), run, market, as_json)


@account.command()
def profile(
    name: Annotated[str, typer.Argument(help="conservative, balanced or aggressive.")],
    run: OfRun = "live",
    market: OnMarket = None,
    as_json: AsJson = False,
) -> None:
    """Size and limit by another strategy profile from the next cycle on."""
    _show(lambda at: at.floor.switch(mode=None, profile=name, by=BY), run, market, as_json)


@account.command()
def stop(
    flatten: Annotated[bool, typer.Option("--flatten", help="Sell all that is held.")] = False,
    reason: Annotated[str, typer.Option(help="Why.")] = "stopped by hand",
    run: OfRun = "live",
    market: OnMarket = None,
    as_json: AsJson = False,
) -> None:
    """Emergency stop: every order is cancelled and the account halted until `resume`."""
    _show(lambda at: at.floor.stop(flatten=flatten, reason=reason, by=BY), run, market, as_json)


@account.command()
def resume(run: OfRun = "live", market: OnMarket = None, as_json: AsJson = False) -> None:
    """Let a halted or reducing account trade again."""
    _show(lambda at: at.floor.reset_guard(by=BY), run, market, as_json)


def orders(
    open_only: Annotated[bool, typer.Option("--open", help="Only those that may trade.")] = False,
    symbols: OnlySymbols = None,
    limit: Annotated[
        int, typer.Option(min=1, max=1000, help="At most so many, newest first.")
    ] = 50,
    run: OfRun = "live",
    market: OnMarket = None,
    as_json: AsJson = False,
) -> None:
    """The account's orders, newest first."""
    from cli import account_session

    with account_session.counter(settings_of(market, None), run, say) as at:
        found = at.blotter.orders(open_only=open_only, symbols=symbols or [], limit=limit)
    if as_json:
        print_json({"orders": [account_session.order_json(line.order) for line in found]})
    else:
        account_session.show_orders(found, results)


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
    term: Annotated[Term, typer.Option(help="How long it stands.")] = Term.DAY,
    reduce_only: Annotated[bool, typer.Option("--reduce-only", help="Never open or turn.")] = False,
    stop_loss: Annotated[float | None, typer.Option(help="Bracket: exit at this loss.")] = None,
    take_profit: Annotated[float | None, typer.Option(help="Bracket: exit at this gain.")] = None,
    note: Annotated[str, typer.Option(help="Kept with the order.")] = "",
    key: Annotated[
        str | None, typer.Option(help="Idempotency key: the same again places nothing new.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Place it; without, only a preview.")] = False,
    run: OfRun = "live",
    market: OnMarket = None,
    as_json: AsJson = False,
) -> None:
    """Preview an order with its costs and checks; with --yes, place it."""
    from cli import account_session
    from domain.canonical import to_json

    ticket = Ticket(
        symbol=parse_symbol(symbol), side=side, kind=_kind(limit, stop, trail, trail_share),
        quantity=quantity, limit=limit, stop=stop, trail=trail, trail_share=trail_share, term=term,
        reduce_only=reduce_only, stop_loss=stop_loss, take_profit=take_profit, note=note,
    )  # fmt: skip
    with account_session.counter(settings_of(market, None), run, say) as at:
        if not yes:
            shown, placed = at.floor.preview(ticket), None
        else:
            shown, placed = account_session.place(at, ticket, key)
    if as_json:
        told = {"preview": to_json(shown), "order": placed and account_session.order_json(placed)}
        print_json(told)
        return
    account_session.show_preview(shown, results)
    if placed is not None:
        account_session.show_order(placed, results)
    else:
        say("Nothing was placed. Add --yes to place it.")


def cancel(
    id: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="As `quorum orders` prints it.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every open order.")] = False,
    run: OfRun = "live",
    market: OnMarket = None,
    as_json: AsJson = False,
) -> None:
    """Cancel an open order, or all of them."""
    from cli import account_session

    if (id is None) is not everything:
        raise InputError("Name one order by its id, or give --all for every open one.")
    with account_session.counter(settings_of(market, None), run, say) as at:
        ended = at.floor.cancel_all() if id is None else (at.floor.cancel(id),)
    if as_json:
        print_json({"orders": [account_session.order_json(each) for each in ended]})
        return
    for each in ended:
        account_session.show_order(each, results)
    if not ended:
        results.print("No order was open.")


def reconcile(run: OfRun = "live", market: OnMarket = None, as_json: AsJson = False) -> None:
    """Rebuild the account from its entries: it must agree to the cent."""
    from cli import account_session

    with account_session.counter(settings_of(market, None), run, say) as at:
        differences = at.floor.reconcile()
        entries = at.floor.account().number
    if as_json:
        print_json({"run": run, "entries": entries, "differences": list(differences)})
    elif not differences:
        results.print(f"{entries} entries make the account as it is kept.")
    account_session.refuse_if_different(differences)


def parity(
    day: Annotated[str, typer.Option("--day", help="A date (UTC), such as 2020-03-02.")],
    last: Annotated[str | None, typer.Option("--to", help="Last of several days.")] = None,
    run: OfRun = "live",
    market: OnMarket = None,
    as_json: AsJson = False,
) -> None:
    """Replay paper days as a backtest: every difference in vote, decision, order and fill."""
    from cli import parity

    found = parity.parity(settings_of(market, None), run, day, last, say)
    if as_json:
        print_json(parity.as_json(found))
    else:
        parity.show(found, results)


def audit(
    verify: Annotated[bool, typer.Option("--verify", help="Prove that the log is whole.")] = False,
    after: Annotated[int, typer.Option(min=0, help="Entries after this number.")] = 0,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")] = 50,
    run: OfRun = "live",
    market: OnMarket = None,
    as_json: AsJson = False,
) -> None:
    """The log of everything that ever happened to the account; with --verify, its proof."""
    from cli import account_session

    with account_session.counter(settings_of(market, None), run, say) as at:
        lines = at.blotter.entries(after, limit)
        differences = account_session.verify(at) if verify else ()
    if as_json:
        print_json(account_session.audit_json(lines, differences if verify else None))
    else:
        account_session.show_audit(lines, differences if verify else None, results)
    account_session.refuse_if_broken(differences)


def _show(act: Callable[["Counter"], Account], run: str, market: str | None, as_json: bool) -> None:
    """Print the account of a run as `act` leaves it."""
    from cli import account_session

    with account_session.counter(settings_of(market, None), run, say) as at:
        left = act(at)
        if as_json:
            print_json(account_session.account_json(at, left))
        else:
            account_session.show_account(at, left, results)


def _kind(
    limit: float | None, stop: float | None, trail: float | None, trail_share: float | None
) -> Kind:
    if trail is not None or trail_share is not None:
        return Kind.TRAILING_STOP
    if stop is not None:
        return Kind.STOP if limit is None else Kind.STOP_LIMIT
    return Kind.MARKET if limit is None else Kind.LIMIT


def _refuse_unless_positive(amount: float) -> None:
    if not amount > 0.0:
        raise InputError(f"{amount:g} cannot be moved. Give an amount above 0, such as 1000.")
