"""The RL agent: a sound pure function of the panel whose groups add up to its policy's wish."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.evidence import base_rate_term
from agents.rl import TRUST, RlAgent
from domain.errors import ConfigurationError
from domain.panel import Panel
from envs.observation import GROUPS, WARMUP, observe
from envs.policies.policy import load_policy
from tests.agents.panels import SYMBOLS, panels, random_panel
from tests.agents.properties import check_everything


@pytest.fixture(scope="module")
def agent() -> RlAgent:
    return RlAgent.load()


@pytest.fixture(scope="module")
def panel() -> Panel:
    return random_panel(3)


@settings(max_examples=15, deadline=None)
@given(panels(), st.integers(0, 2**16))
def test_it_keeps_what_every_agent_must_keep(panel: Panel, seed: int):
    check_everything(RlAgent.load(), panel, seed)


def test_the_groups_add_up_to_the_tempered_wish_of_the_policy(agent: RlAgent, panel: Panel):
    from agents.rl import SHIPPED

    policy = load_policy(SHIPPED)
    votes = agent.vote(panel)
    seen = ~np.isnan(votes.log_odds)
    standardised = policy.network.standardise(observe(panel)[seen])
    ordinary = policy.log_odds(np.zeros((1, standardised.shape[1])))
    wish = TRUST * policy.temper * (policy.log_odds(standardised) - ordinary)
    base = base_rate_term(panel, 0).log_odds[seen]
    assert np.allclose(votes.log_odds[seen], base + wish, atol=1e-9)


def test_the_first_reason_is_the_base_rate_and_the_others_are_the_groups(
    agent: RlAgent, panel: Panel
):
    reasons = agent.vote(panel).reasons(300, SYMBOLS.index("WALK"))
    assert [reason.name for reason in reasons] == ["base rate", *(g.name for g in GROUPS)]
    assert all(reason.value is not None for reason in reasons)


def test_it_abstains_until_it_has_seen_enough_bars_of_the_symbol(agent: RlAgent, panel: Panel):
    votes = agent.vote(panel)
    late = SYMBOLS.index("LATE")
    listed = int(np.argmax(~np.isnan(panel.close[:, late])))
    assert votes.abstained_because(listed + WARMUP - 1, late) == "needs 60 bars of history"
    assert votes.abstained_because(listed + WARMUP, late) is None


def test_it_abstains_where_the_price_stands_still(agent: RlAgent):
    panel = random_panel(5, bars=100)
    panel.close[:, 0] = panel.high[:, 0] = panel.low[:, 0] = panel.open[:, 0] = 10.0
    assert agent.vote(panel).abstained_because(99, 0) == "no price that moves in 60 bars"


def test_a_policy_votes_under_the_hash_of_its_numbers(agent: RlAgent):
    from agents.rl import SHIPPED

    assert agent.version == f"rl/2+{load_policy(SHIPPED).manifest.sha256[:8]}"


def test_a_folder_without_a_policy_is_refused_with_the_remedy(tmp_path):
    with pytest.raises(ConfigurationError, match=r"manifest\.json cannot be read.*envs\.train"):
        RlAgent.load(tmp_path)
