"""The RL agent: a sound pure function of the panel whose reasons are its policy's evidence."""

import numpy as np
import pytest

from agents.evidence import base_rate_evidence
from agents.rl import DISAGREEMENT, EVIDENCE_SHARE, SHIPPED_POLICY, RlAgent
from domain.errors import ConfigurationError
from domain.model_files import MANIFEST_FILE, TENSORS_FILE, model_id
from domain.panel import Panel
from envs.observation import FEATURE_GROUPS, WARMUP, observe
from envs.policies.files import encode_policy, load_policy, save_policy
from research.lookahead.contract import check_agent
from tests.agents.random_panels import SYMBOLS, random_panel
from tests.envs.policies.policy_fixtures import policy

ENSEMBLE = RlAgent(policy(3, by_regime=True))


@pytest.fixture(scope="module")
def agent() -> RlAgent:
    return RlAgent.load()


@pytest.fixture(scope="module")
def panel() -> Panel:
    return random_panel(3)


def test_an_ensemble_by_regime_keeps_every_promise_of_an_agent() -> None:
    check_agent(ENSEMBLE, random_panel(seed=5, bars=400))


@pytest.mark.parametrize("by_regime", [False, True])
def test_the_reasons_add_up_to_the_trusted_evidence_of_the_policy(
    panel: Panel, by_regime: bool
) -> None:
    own = policy(3, by_regime=by_regime)
    votes = RlAgent(own).vote(panel)
    seen = ~np.isnan(votes.log_odds)
    evidence = own.evidence(own.standardise(observe(panel)[seen]))
    base = base_rate_evidence(panel, 0).log_odds[seen]
    assert np.allclose(votes.log_odds[seen], base + EVIDENCE_SHARE * evidence, atol=1e-12)
    assert np.abs(evidence).max() > 0.1


def test_the_first_reason_is_the_base_rate_then_come_the_groups_and_the_disagreement(
    agent: RlAgent, panel: Panel
) -> None:
    reasons = agent.vote(panel).reasons(300, SYMBOLS.index("WALK"))
    names = ["base rate", *(group.name for group in FEATURE_GROUPS), DISAGREEMENT]
    assert [reason.name for reason in reasons] == names
    assert all(reason.value is not None for reason in reasons)


def test_what_the_members_dispute_is_given_in_percent_and_takes_from_the_vote(
    panel: Panel,
) -> None:
    _, *of_groups, disputed = ENSEMBLE.vote(panel).evidence
    groups = np.sum([term.log_odds for term in of_groups], axis=0)
    seen = ~np.isnan(groups)
    assert ((disputed.value[seen] >= 0.0) & (disputed.value[seen] < 100.0)).all()
    assert disputed.value[seen].max() > 5.0
    assert np.allclose(disputed.log_odds[seen], -disputed.value[seen] / 100.0 * groups[seen])


def test_members_that_learnt_nothing_vote_the_base_rate(panel: Panel) -> None:
    silenced = tuple(each for each in policy(3).members if each.temper == 0.0)
    votes = RlAgent(policy(3, silenced)).vote(panel)
    seen = ~np.isnan(votes.log_odds)
    assert seen.any()
    assert (votes.log_odds[seen] == base_rate_evidence(panel, 0).log_odds[seen]).all()


def test_it_abstains_until_it_has_seen_enough_bars_of_the_symbol(agent: RlAgent, panel: Panel):
    votes = agent.vote(panel)
    late = SYMBOLS.index("LATE")
    listed = int(np.argmax(~np.isnan(panel.close[:, late])))
    assert votes.abstention_reason(listed + WARMUP - 1, late) == "needs 60 bars of history"
    assert votes.abstention_reason(listed + WARMUP, late) is None


def test_it_abstains_where_the_price_stands_still(agent: RlAgent):
    panel = random_panel(5, bars=100)
    panel.close[:, 0] = panel.high[:, 0] = panel.low[:, 0] = panel.open[:, 0] = 10.0
    assert agent.vote(panel).abstention_reason(99, 0) == "no price that moves in 60 bars"


def test_a_policy_votes_under_its_id(agent: RlAgent, tmp_path) -> None:
    files = (
        (SHIPPED_POLICY / TENSORS_FILE).read_bytes(),
        (SHIPPED_POLICY / MANIFEST_FILE).read_bytes(),
    )
    assert agent.version == f"rl/3+{model_id(*files)}"
    save_policy(tmp_path, policy(3, by_regime=True))
    assert RlAgent.load(tmp_path).version == ENSEMBLE.version
    assert ENSEMBLE.version == f"rl/3+{model_id(*encode_policy(policy(3, by_regime=True)))}"


def test_the_policy_that_ships_says_that_its_market_was_invented() -> None:
    assert load_policy(SHIPPED_POLICY).manifest.simulated


def test_a_folder_without_a_policy_is_refused_with_the_remedy(tmp_path) -> None:
    with pytest.raises(ConfigurationError, match=r"manifest\.json cannot be read.*train again"):
        RlAgent.load(tmp_path)
