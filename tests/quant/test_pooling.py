import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from quant.pooling import pool

VOTES = arrays(np.float64, (4, 2, 3), elements=st.floats(-5, 5) | st.just(float("nan")))
WEIGHTS = arrays(np.float64, (4,), elements=st.floats(0.01, 1.0))


@given(VOTES, WEIGHTS)
def test_the_pool_is_exactly_the_sum_of_shares_times_votes(votes, weights):
    pooled = pool(votes, weights)
    for row, column in np.ndindex(2, 3):
        cast = [a for a in range(4) if not np.isnan(votes[a, row, column])]
        total = 0.0
        for agent in cast:
            total += float(pooled.shares[agent, row, column]) * float(votes[agent, row, column])
        assert pooled.voters[row, column] == len(cast)
        if cast:
            assert pooled.log_odds[row, column] == total
            assert abs(pooled.shares[:, row, column].sum() - 1.0) < 1e-12
        else:
            assert np.isnan(pooled.log_odds[row, column])


@given(VOTES, WEIGHTS)
def test_a_cell_pools_the_same_alone_as_among_others(votes, weights):
    all_cells, cell = pool(votes, weights), pool(votes[:, 1:, 2:].copy(), weights)
    assert all_cells.log_odds[1, 2].tobytes() == cell.log_odds[0, 0].tobytes()


def test_an_abstention_leaves_its_weight_to_the_others():
    pooled = pool(np.array([[[0.4]], [[np.nan]], [[0.2]]]), np.array([1.0, 2.0, 1.0]))
    assert pooled.shares[:, 0, 0].tolist() == [0.5, 0.0, 0.5]


def test_an_agent_without_weight_does_not_count_as_a_voter():
    pooled = pool(np.array([[[0.4]], [[3.0]]]), np.array([1.0, 0.0]))
    assert pooled.log_odds[0, 0] == 0.4
    assert pooled.voters[0, 0] == 1
