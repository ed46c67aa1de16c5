import json
import math
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from agents.registry import AGENTS
from domain.errors import (
    InputError,
    NotFoundError,
    StorageError,
    UnknownSymbolError,
    VerificationError,
)
from domain.instants import to_datetime
from domain.timeframe import Timeframe
from orchestrator.committee.learned_weights import equal_influence
from orchestrator.cycle import RunContext, decide_cycle, prepare_panels
from orchestrator.team.local_team import LocalTeam
from quant.performance.metrics import METRICS
from research.backtest.backtester import Backtester
from research.backtest.request import BacktestRequest, build_request
from research.backtest.results import (
    DECISIONS,
    EQUITY,
    FILES,
    FILLS,
    RESULT,
    VOTES,
    BacktestStore,
)
from research.backtest.scenarios import RANDOM_COMMITTEES
from storage.database import Database
from storage.journal import panel_archive
from storage.journal.sql_journal import SqlJournal
from storage.market_data.sql_store import SqlMarketDataStore
from tests.research.conftest import NOW, SYMBOLS, builder

START, END = date(2023, 6, 1), date(2024, 2, 29)


def make_request(**changes: Any) -> BacktestRequest:
    usual: dict[str, Any] = {
        "market": "demo", "symbols": SYMBOLS, "start": START, "end": END, "agents": tuple(AGENTS),
    }  # fmt: skip
    return build_request(**{**usual, **changes})


def run(backtester: Backtester, request: BacktestRequest) -> dict[str, Any]:
    return backtester.run(request, simulated=True, now=NOW, on_progress=lambda *_: None)


@pytest.fixture(scope="module")
def kept_result(
    store: SqlMarketDataStore, database: Database, tmp_path_factory: pytest.TempPathFactory
) -> tuple[BacktestStore, dict[str, Any]]:
    """One backtest of everything, for all tests that only read it."""
    results = BacktestStore(tmp_path_factory.mktemp("kept"))
    return results, run(Backtester(results, store, database, builder, "test"), make_request())


def rows(kept_result: tuple[BacktestStore, dict[str, Any]], name: str) -> Any:
    results, result = kept_result
    return pq.read_table(results.file(result["id"], name)).to_pandas()


def test_everybody_in_the_contest_is_measured_by_every_measure_with_its_interval(
    kept_result: tuple[BacktestStore, dict[str, Any]],
) -> None:
    _, result = kept_result
    assert set(result["agents"]) == set(AGENTS)
    assert set(result["benchmarks"]) == {
        "buy and hold", "equal weight", "SMA 20/50", "random committee",
    }  # fmt: skip
    for figures in (
        result["committee"],
        *result["agents"].values(),
        *result["benchmarks"].values(),
    ):
        assert set(figures) == set(METRICS)
    sharpe = result["committee"]["sharpe"]
    assert sharpe["low"] < sharpe["value"] < sharpe["high"]
    assert {"vote_s", "fold_s", "total_s", "bars"} == set(result["timing"])
    assert result["timing"]["bars"] == len(rows(kept_result, DECISIONS))


def test_bars_in_doubt_are_noted_and_invent_nothing(
    backtester: Backtester, store: SqlMarketDataStore
) -> None:
    bars = store.bars("demo", "AAPL", Timeframe.D1)
    days = bars["at"].between("2023-09-04", "2023-09-08")
    bars.loc[days, ["open", "high", "low", "close", "adj_close"]] *= 100.0
    store.put_bars("files", "AAPL", Timeframe.D1, bars)
    request = make_request(market="files", symbols=("AAPL",), agents=("technical", "risk"))
    result = run(backtester, request)
    [note] = [note for note in result["notes"] if "in doubt" in note]
    assert f"AAPL {days.sum()}, the first of 2023-09-" in note
    assert abs(result["benchmarks"]["buy and hold"]["total_return"]["value"]) < 1.0
    assert backtester.verify(result["id"], lambda *_: None) == ()


def test_a_result_is_listed_read_and_deleted(
    backtester: Backtester, results: BacktestStore
) -> None:
    result = run(backtester, make_request(symbols=("AAPL",), agents=("technical",)))
    assert [each.id for each in results.summaries()] == [result["id"]]
    assert results.read(result["id"]) == result
    for name in FILES:
        assert results.file(result["id"], name).stat().st_size > 0
    results.delete(result["id"])
    assert results.summaries() == ()
    with pytest.raises(NotFoundError, match=result["id"]):
        results.read(result["id"])


def test_votes_and_decisions_are_those_of_live_cycles_to_the_last_bit(
    kept_result: tuple[BacktestStore, dict[str, Any]], store: SqlMarketDataStore, database: Database
) -> None:
    _, result = kept_result
    context = RunContext(
        market="demo", run="live", simulated=True, timeframe=Timeframe.D1, horizon=5,
        settings=make_request().committee, store=store, journal=SqlJournal(database),
        digest_of=panel_archive.panel_digest,
    )  # fmt: skip
    team = LocalTeam(tuple(AGENTS), builder)
    decisions = rows(kept_result, DECISIONS).set_index(["known_at", "symbol"]).sort_index()
    votes = rows(kept_result, VOTES).set_index(["known_at", "symbol", "agent"]).sort_index()
    times = decisions.index.get_level_values("known_at").unique()
    for at in np.random.default_rng(3).choice(times[1:], 12, replace=False):
        before = decisions.loc[decisions.index.get_level_values("known_at") < at]
        previous = before.groupby("symbol", observed=True)["target_weight"].last().to_dict()
        for prepared in prepare_panels(context, SYMBOLS, at.to_pydatetime()):
            if to_datetime(prepared.panel.known_at[-1]) != at:
                continue
            minutes = decide_cycle(
                context,
                team,
                prepared.panel,
                prepared.verdicts,
                previous,
                equal_influence(len(AGENTS)),
            )
            for decision in minutes.cycle.decisions:
                stored_row = decisions.loc[(at, decision.symbol)]
                assert stored_row["action"] == decision.action.value
                assert stored_row["target_weight"] == decision.target_weight
                assert stored_row["price"] == decision.price
                for vote in decision.votes:
                    vote_row = votes.loc[(at, decision.symbol, vote.agent)]
                    assert same(vote_row["log_odds"], vote.log_odds)
                    assert vote_row["cap"] == vote.cap
                    assert same(vote_row["weight"], vote.weight)
    assert result["settings"]["committee"] == make_request().committee.model_dump(mode="json")


def same(value: float, number: float | None) -> bool:
    return math.isnan(value) if number is None else value == number


def test_the_same_request_gives_the_same_outcome_and_its_receipt_verifies(
    backtester: Backtester, kept_result: tuple[BacktestStore, dict[str, Any]]
) -> None:
    again = run(backtester, make_request())
    assert again["receipt"] == kept_result[1]["receipt"]
    assert backtester.verify(again["id"], lambda *_: None) == ()


def test_no_figure_is_a_negative_zero(
    kept_result: tuple[BacktestStore, dict[str, Any]],
) -> None:
    results, result = kept_result
    assert "-0.0," not in (stored := results.file(result["id"], RESULT).read_text())
    assert "-0.0}" not in stored
    assert not any(np.signbit(each) for each in rows(kept_result, FILLS)["charged"])


def test_the_committee_is_ranked_among_random_ones_with_costs_and_without(
    kept_result: tuple[BacktestStore, dict[str, Any]],
) -> None:
    _, result = kept_result
    for name in ("luck", "luck_without_costs"):
        assert result[name]["total_return"]["of"] == RANDOM_COMMITTEES


@pytest.mark.parametrize(
    ("simulated", "adjustment", "said"),
    [(True, 1.0, "simulated"), (False, 1.0, "as they are stored"), (False, 0.9, "were traded")],
)
def test_prices_are_called_traded_only_where_they_are(
    store: SqlMarketDataStore,
    backtester: Backtester,
    simulated: bool,
    adjustment: float,
    said: str,
) -> None:
    market = f"files {simulated} {adjustment}"
    bars = store.bars("demo", "AAPL", Timeframe.D1)
    before_dividend = bars["at"] < "2023-09-01"
    bars["adj_close"] = bars["close"] * np.where(before_dividend, adjustment, 1.0)
    with store.transaction():
        store.put_bars(market, "AAPL", Timeframe.D1, bars)
    request = make_request(market=market, symbols=("AAPL",), agents=("technical",))
    result = backtester.run(request, simulated=simulated, now=NOW, on_progress=lambda *_: None)
    [note] = [each for each in result["notes"] if each.startswith("Prices are")]
    assert said in note


def test_a_receipt_whose_inputs_were_touched_does_not_verify(
    backtester: Backtester, results: BacktestStore
) -> None:
    result = run(backtester, make_request(symbols=("AAPL",), agents=("technical",)))
    inputs = results.file(result["id"], RESULT).with_name("inputs.json")
    inputs.write_text(inputs.read_text().replace('"capital":100000.0', '"capital":90000.0'))
    first, second = backtester.verify(result["id"], lambda *_: None)
    assert "not those of the receipt" in first
    assert "capital" in second


def test_a_stored_result_that_was_changed_does_not_verify(
    backtester: Backtester, results: BacktestStore
) -> None:
    result = run(backtester, make_request(symbols=("XOM",), agents=("technical",)))
    result_file, fills = (results.file(result["id"], name) for name in (RESULT, FILLS))
    flattering = {**result["committee"], "sharpe": {**result["committee"]["sharpe"], "value": 9.0}}
    result_file.write_text(json.dumps({**result, "committee": flattering}))
    pq.write_table(pq.read_table(fills).slice(1), fills)
    [difference] = backtester.verify(result["id"], lambda *_: None)
    assert difference.endswith("differs in committee, fills.parquet")


def test_an_agent_that_is_another_by_now_is_named(
    backtester: Backtester, results: BacktestStore
) -> None:
    result = run(backtester, make_request(symbols=("AAPL",), agents=("technical",)))
    assert set(result["receipt"]["agents"]) == {"technical", "risk"}
    result["receipt"]["agents"]["risk"] = "0+old"
    results.file(result["id"], RESULT).write_text(json.dumps(result))
    [difference] = backtester.verify(result["id"], lambda *_: None)
    assert difference.startswith("the risk agent was 0+old and is ")


@pytest.mark.parametrize(
    ("file", "error"),
    [("result.json", StorageError), ("inputs.json", VerificationError),
     ("gate.npz", VerificationError)],
)  # fmt: skip
def test_a_damaged_result_is_refused_in_words(
    backtester: Backtester, results: BacktestStore, file: str, error: type[Exception]
) -> None:
    result = run(backtester, make_request(symbols=("AAPL",), agents=("technical",)))
    damaged = results.file(result["id"], RESULT).with_name(file)
    damaged.write_bytes(damaged.read_bytes()[:100])
    with pytest.raises(error, match=result["id"]):
        backtester.verify(result["id"], lambda *_: None)


def test_two_that_end_alike_in_the_same_second_are_one_result(
    backtester: Backtester, results: BacktestStore
) -> None:
    """As when a form is sent twice: both began before either was stored."""
    result = run(backtester, make_request(symbols=("AAPL",), agents=("technical",)))
    [summary] = results.summaries()
    with results.draft_folder() as draft:
        (draft / RESULT).write_text("{}")
        assert results.save(draft, summary).name == result["id"]
    assert results.read(result["id"]) == result


def test_nothing_after_the_period_is_used(
    backtester: Backtester,
    kept_result: tuple[BacktestStore, dict[str, Any]],
    results: BacktestStore,
) -> None:
    """The rows of a shorter backtest are the first rows of a longer one."""
    shorter = run(backtester, make_request(end=date(2023, 10, 31)))
    early = pq.read_table(results.file(shorter["id"], VOTES)).to_pandas()
    full = rows(kept_result, VOTES)
    full = full[full["known_at"] <= early["known_at"].max()]
    keys = ["known_at", "symbol", "agent"]
    early, full = (
        frame.astype({"symbol": str, "agent": str}).sort_values(keys) for frame in (early, full)
    )
    for column in ("log_odds", "cap", "weight", "quantile_5"):
        assert np.array_equal(early[column].to_numpy(), full[column].to_numpy(), equal_nan=True)


def test_the_risk_agents_caps_bind_also_where_it_does_not_vote(
    backtester: Backtester, results: BacktestStore
) -> None:
    result = run(backtester, make_request(agents=("technical",)))
    votes = pq.read_table(results.file(result["id"], VOTES)).to_pandas()
    decisions = pq.read_table(results.file(result["id"], DECISIONS)).to_pandas()
    risk = votes[votes["agent"] == "risk"]
    assert (risk["weight"] == 0.0).all()
    caps = risk.set_index(["known_at", "symbol"])["cap"]
    targets = decisions.set_index(["known_at", "symbol"])["target_weight"]
    assert (targets > 0.0).any()
    assert (targets <= caps.reindex(targets.index) + 1e-15).all()


def test_equity_is_the_capital_and_what_the_fills_made_of_it(
    kept_result: tuple[BacktestStore, dict[str, Any]],
) -> None:
    _, result = kept_result
    fills, decisions = rows(kept_result, FILLS), rows(kept_result, DECISIONS)
    equity = rows(kept_result, EQUITY)
    cash = (
        result["capital"]
        - (fills["units"] * fills["price"] + fills["commission"] + fills["charged"]).sum()
    )
    held = fills.groupby("symbol", observed=True)["units"].sum()
    last = decisions.groupby("symbol", observed=True)["price"].last()
    assert cash + (held * last).sum() == pytest.approx(equity["committee"].iloc[-1], abs=1e-6)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"start": date(2024, 3, 1), "end": date(2023, 1, 1)}, InputError, "exchange the dates"),
        ({"start": date(2024, 2, 27)}, InputError, "7 are needed"),
        ({"end": date(2020, 1, 1), "start": date(2019, 1, 1)}, InputError, "history"),
        ({"symbols": ("TSLA",)}, UnknownSymbolError, "TSLA"),
        ({"symbols": ()}, InputError, "no symbol"),
        ({"symbols": ("??",)}, InputError, "not a symbol"),
        ({"agents": ()}, InputError, "no agent votes"),
        ({"costs": {"commission_bps": -1.0}}, InputError, "commission_bps is -1.0"),
        ({"costs": {"half_spread_bps": math.nan}}, InputError, "half_spread_bps"),
        ({"capital": -5.0}, InputError, "capital of -5"),
        ({"capital": math.inf}, InputError, "capital of inf"),
        ({"delay": 4}, InputError, "delay"),
        ({"horizon": 0}, InputError, "horizon"),
        ({"walk_forward": 3}, InputError, "walk_forward"),
        ({"horizon": 240, "symbols": ("AAPL",)}, InputError, "242 are needed"),
        ({"nonsense": 1}, InputError, "nonsense"),
    ],
)  # fmt: skip
def test_what_cannot_be_tested_is_refused_by_name_and_nothing_is_kept(
    backtester: Backtester,
    results: BacktestStore,
    changes: dict[str, Any],
    error: type[Exception],
    message: str,
) -> None:
    with pytest.raises(error, match=message):
        run(backtester, make_request(**changes))
    assert results.summaries() == ()


def test_a_result_appears_whole_or_not_at_all(
    backtester: Backtester, results: BacktestStore
) -> None:
    class DiskFullError(OSError):
        strerror = "No space left on device"

    def tell(what: str, done: int, total: int) -> None:
        if what.startswith("figures"):
            raise DiskFullError

    with pytest.raises(Exception, match="No space left"):
        backtester.run(make_request(symbols=("AAPL",)), simulated=True, now=NOW, on_progress=tell)
    assert results.summaries() == ()
    assert list(results._folder.iterdir()) == []


def test_what_a_dead_process_left_behind_is_swept_away(
    backtester: Backtester, results: BacktestStore
) -> None:
    with results.draft_folder() as draft:
        abandoned = draft.with_name(".draft-999999999-abc")
        abandoned.mkdir()
    run(backtester, make_request(symbols=("AAPL",), agents=("technical",)))
    assert not abandoned.exists()


def test_a_walk_forward_votes_with_other_weights_and_says_so(backtester: Backtester) -> None:
    result = run(
        backtester,
        make_request(symbols=("AAPL", "JPM", "XOM"), agents=("technical",), walk_forward=300),
    )
    assert any("out of sample" in note for note in result["notes"])
    assert result["settings"]["walk_forward"] == 300


def test_a_walk_on_too_little_history_does_not_claim_to_be_out_of_sample(
    backtester: Backtester, store: SqlMarketDataStore
) -> None:
    first = store.span("demo", "AAPL", Timeframe.D1)
    assert first is not None
    begin = first[0].date() + timedelta(days=40)
    result = run(
        backtester,
        make_request(symbols=("AAPL",), agents=("technical",), start=begin,
              end=begin + timedelta(days=200), walk_forward=300),
    )  # fmt: skip
    [note] = [each for each in result["notes"] if "weights that ship" in each]
    assert note.startswith("Only 2")
    assert not any("out of sample" in each for each in result["notes"])


def test_an_agent_that_never_voted_is_named(backtester: Backtester) -> None:
    result = run(backtester, make_request(symbols=("SPY",), agents=("technical", "fundamental")))
    assert any("Without a single vote here" in each and "fundamental" in each
               for each in result["notes"])  # fmt: skip


def test_dates_are_days_of_utc() -> None:
    assert make_request().starts_at == datetime(2023, 6, 1, tzinfo=UTC)
    assert make_request().as_of == datetime(2024, 3, 1, tzinfo=UTC)
