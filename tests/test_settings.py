"""Configuration: which source wins, and what a typing mistake leads to."""

from pathlib import Path

import pytest

from cli.configuration import as_toml
from domain.errors import ConfigurationError
from orchestrator.committee.pooling import settings_from_record
from settings import PROJECT_ROOT, Settings, load_settings, redact
from trading.sizing.position_sizing import SizingSettings


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("QUORUM_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


def test_defaults_listen_on_loopback_only() -> None:
    assert load_settings().server.host == "127.0.0.1"


def test_the_command_line_goes_over_the_environment_and_that_over_the_file(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "quorum.toml").write_text("[server]\nport = 1001\n[demo]\nseed = 3\n")
    assert load_settings().server.port == 1001
    monkeypatch.setenv("QUORUM__SERVER__PORT", "1002")
    assert load_settings().server.port == 1002
    settings = load_settings({"server": {"port": 1003}})
    assert (settings.server.port, settings.demo.seed) == (1003, 3)


def test_the_home_has_the_first_word_over_the_working_directory(home: Path) -> None:
    Path("quorum.toml").write_text("[demo]\nseed = 4\n")
    assert load_settings().demo.seed == 4
    (home / "quorum.toml").write_text("[demo]\nseed = 5\n")
    assert load_settings().demo.seed == 5


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("QUORUM__SERVER__PROT", "QUORUM__SERVER__PORT"),
        ("QUORUM__SEVER__PORT", "QUORUM__SERVER__PORT"),
        ("QUORUM_SERVER__PORT", "QUORUM__SERVER__PORT"),
    ],
)
def test_an_unknown_environment_key_is_refused_and_the_nearest_is_named(
    name: str, nearest: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "1")
    with pytest.raises(ConfigurationError, match=nearest):
        load_settings()


def test_an_unknown_key_in_the_file_is_refused_and_the_nearest_is_named(home: Path) -> None:
    (home / "quorum.toml").write_text("[market]\nprovder = 'yahoo'\n")
    with pytest.raises(ConfigurationError, match=r"market\.provider"):
        load_settings()


def test_a_value_that_cannot_be_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUORUM__SERVER__PORT", "many")
    with pytest.raises(ConfigurationError, match=r"server\.port.*many"):
        load_settings()


@pytest.mark.parametrize("content", [b"[server\n", b"\xff\x00\xfe"])
def test_broken_toml_names_the_file(content: bytes, home: Path) -> None:
    (home / "quorum.toml").write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"quorum\.toml"):
        load_settings()


def test_a_list_that_is_no_json_is_refused_with_an_example(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUORUM__MARKET__WATCHLIST", "AAPL")
    with pytest.raises(ConfigurationError, match=r"QUORUM__MARKET__WATCHLIST='\[\"AAPL\""):
        load_settings()


def test_a_watchlist_is_of_symbols_each_once() -> None:
    settings = load_settings({"market": {"watchlist": ["aapl", "BTC/USD", "AAPL"]}})
    assert settings.market.watchlist == ["AAPL", "BTC-USD"]
    with pytest.raises(ConfigurationError, match=r"market\.watchlist: 'a b' is not a symbol"):
        load_settings({"market": {"watchlist": ["a b"]}})


@pytest.mark.parametrize("url", ["nonsense", "postgresql://me:hunter2@db:port/quorum"])
def test_a_database_address_that_is_none_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"database\.url") as refused:
        load_settings({"database": {"url": url}})
    assert "hunter2" not in str(refused.value)


def test_an_address_open_to_the_network_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="authenticating proxy"):
        load_settings({"server": {"host": "0.0.0.0"}})


def test_simulated_and_real_markets_are_never_combined() -> None:
    with pytest.raises(ConfigurationError, match="never mixed"):
        load_settings({"market": {"provider": "demo", "by_class": {"crypto": "files"}}})


def test_passwords_are_redacted_where_the_configuration_is_shown() -> None:
    settings = load_settings({"database": {"url": "postgresql+psycopg://me:hunter2@db/quorum"}})
    assert "hunter2" not in str(redact(settings))
    assert "db/quorum" in str(redact(settings))


def test_an_account_begins_as_configured(home: Path) -> None:
    (home / "quorum.toml").write_text(
        '[account]\ncapital = 5000\nmode = "suggest"\n[limits]\nband = 0.05\n[costs]\nimpact = 2\n'
    )
    settings = load_settings()
    assert (settings.account.capital, settings.account.mode) == (5000.0, "suggest")
    assert (settings.limits.band, settings.costs.impact) == (0.05, 2.0)


def test_a_limit_beyond_reason_is_refused_with_what_would_be_accepted(home: Path) -> None:
    (home / "quorum.toml").write_text("[limits]\norder_limit = 3\n")
    with pytest.raises(ConfigurationError, match="above 0 and at most 1"):
        load_settings()


def test_edges_are_net_of_the_configured_costs_unless_another_cost_is_given() -> None:
    dear = {"costs": {"commission_bps": 10.0}}
    assert load_settings().committee.round_trip_cost == pytest.approx(0.0006)
    assert load_settings(dear).committee.round_trip_cost == pytest.approx(0.0024)
    own = load_settings({**dear, "committee": {"round_trip_cost": 0.001}})
    assert own.committee.round_trip_cost == 0.001


def test_the_dearest_costs_can_be_recorded_and_read_again() -> None:
    settings = load_settings({"costs": {"half_spread_bps": 999.0, "commission_bps": 999.0}})
    assert settings_from_record(settings.committee.model_dump(mode="json")) == settings.committee


def test_a_breaker_can_be_turned_off_and_what_is_shown_says_so(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "quorum.toml").write_text(
        '[limits]\ndrawdown = "off"\n[committee.sizing]\nsectors = {"BRK.B" = "insurers"}\n'
    )
    monkeypatch.setenv("QUORUM__LIMITS__LOSSES", "off")
    settings = load_settings()
    assert (settings.limits.drawdown, settings.limits.losses) == (None, None)
    monkeypatch.delenv("QUORUM__LIMITS__LOSSES")
    (home / "quorum.toml").write_text(as_toml(settings))
    assert load_settings() == settings
    with pytest.raises(ConfigurationError, match="band"):
        load_settings({"limits": {"band": "off"}})


SECTIONS = {name: field.annotation for name, field in Settings.model_fields.items()}
SECTIONS["committee.sizing"] = SizingSettings


@pytest.mark.parametrize("section", SECTIONS)
def test_the_page_of_the_configuration_names_every_key(section: str) -> None:
    page = (PROJECT_ROOT / "docs" / "operate" / "configuration.md").read_text()
    keys = set(SECTIONS[section].model_fields) - {"sizing"}
    assert f"`[{section}]`" in page
    assert [key for key in keys if f"`{key}`" not in page] == []
