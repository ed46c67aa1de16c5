"""What a backtest comes to, in a few sentences that are computed from its figures.

Promises that nothing is called better that its interval, or chance, does not call better.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from agents.registry import describe_agent
from orchestrator.evaluation.plausibility import implausible_figures, too_good_to_be_true
from orchestrator.evaluation.scores import COMMITTEE
from research.report.formatting import format_figure

BUY_AND_HOLD = "buy and hold"
RANDOM_COMMITTEE = "random committee"
CLEAR_FRACTION = 0.95
"""Of random committees, the share that must be beaten before it is called more than luck."""

NamedFigures = Mapping[str, Any]


def conclusions(result: Mapping[str, Any]) -> tuple[str, ...]:
    """Begin with what is too good to be true; empty where there is nothing to compare with."""
    return (
        *implausible_strategies(result),
        *_against_random(result.get("luck") or {}, result.get("luck_without_costs") or {}),
        *_against_market(result),
        *_overfitting(result),
    )


def implausible_strategies(result: Mapping[str, Any]) -> tuple[str, ...]:
    """Return a sentence for the committee and every agent whose figures, as a strategy or as
    forecasts, are too good to be true."""
    strategies = {COMMITTEE: result["committee"], **result["agents"]}
    found = {name: implausible_figures(figures) for name, figures in strategies.items()}
    for name, scores in implausible_forecasters(result.get("forecasts")).items():
        found[name] = (*found.get(name, ()), *scores)
    return implausible_sentences(found)


def implausible_forecasters(scores: Mapping[str, Any] | None) -> dict[str, tuple[str, ...]]:
    """Return what is too good to be true in a scored record (`RecordScores` as JSON), by name."""
    if not scores:
        return {}
    return {
        each["name"]: implausible_figures(each["overall"], scores["horizon"])
        for each in scores["forecasters"]
    }


def implausible_sentences(found: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(
        too_good_to_be_true(
            "The committee" if name == COMMITTEE else describe_agent(name).label, figures
        )
        for name, figures in found.items()
        if figures
    )


def _against_random(with_costs: NamedFigures, without_costs: NamedFigures) -> Iterator[str]:
    sharpe, free = with_costs.get("sharpe"), without_costs.get("sharpe")
    if not sharpe:
        return
    yield (
        f"By return for its risk (Sharpe ratio) the committee was better than {sharpe['beaten']} "
        f"of {sharpe['of']} committees that vote at random: {_meaning_of_rank(sharpe)}."
    )
    if free:
        yield (
            f"Had trading cost nothing, it would have been better than {free['beaten']} of "
            f"{free['of']}: {_meaning_of_rank(free)}."
        )


def _meaning_of_rank(rank: NamedFigures) -> str:
    beaten, of = rank["beaten"], rank["of"]
    if beaten >= CLEAR_FRACTION * of:
        return "its timing was worth something"
    if beaten <= (1 - CLEAR_FRACTION) * of:
        return "its timing did harm"
    return "that can be luck"


def _against_market(result: Mapping[str, Any]) -> Iterator[str]:
    benchmarks = result["benchmarks"]
    market = (benchmarks.get(BUY_AND_HOLD) or {}).get("sharpe") or {}
    if market.get("value") is None:
        return
    market_sharpe = format_figure(market).text
    everybody = {
        "the committee": result["committee"],
        **{f"{describe_agent(n).label} alone": figures for n, figures in result["agents"].items()},
        **{
            n: figures
            for n, figures in benchmarks.items()
            if n not in (BUY_AND_HOLD, RANDOM_COMMITTEE)
        },
    }
    sides = {name: side for name, f in everybody.items() if (side := _side(f, market["value"]))}
    committee_sharpe = format_figure(result["committee"].get("sharpe"))
    interval = f" ({committee_sharpe.interval})" if committee_sharpe.interval else ""
    committee_side = sides.pop("the committee", "")
    if committee_side:
        yield (
            f"Its Sharpe ratio of {committee_sharpe.text}{interval} lies {committee_side} that of "
            f"buy and hold, {market_sharpe}."
        )
    else:
        yield (
            f"Its Sharpe ratio of {committee_sharpe.text}{interval} cannot be told from that of "
            f"buy and hold, {market_sharpe}."
        )
    if sides:
        names = ", ".join(f"{name} ({side})" for name, side in sides.items())
        yield f"Of the others, these differ from buy and hold by more than their interval: {names}."
    elif not committee_side:
        yield "No Sharpe ratio here differs from that of buy and hold by more than its interval."


def _side(figures: NamedFigures, market: float) -> str:
    """'above' or 'below' where the whole interval lies on one side of the market's."""
    own = figures.get("sharpe") or {}
    low, high = own.get("low"), own.get("high")
    if low is None or high is None:
        return ""
    return "above" if low > market else "below" if high < market else ""


def _overfitting(result: Mapping[str, Any]) -> Iterator[str]:
    pbo = ((result.get("robustness") or {}).get("overfitting") or {}).get("pbo")
    if pbo is not None:
        yield (
            "Had one chosen the best of the settings tried on part of the history, it would have "
            f"been below the middle of them on the rest in {pbo * 100:.0f} of 100 cases."
        )
