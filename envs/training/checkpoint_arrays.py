"""The state that a model of stable-baselines3 carries from stage to stage, as plain arrays by name.

Parameters of its networks, target networks and entropy weight (`parameter/`), the optimisers'
moments (`moment/`), the filled part of the replay buffer (`memory/`) and `counters`. No pickle:
arrays are copied into and out of tensors that the model itself has made. Leaves out random numbers
and the environment, which a stage begins anew.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Arrays = Mapping[str, NDArray[Any]]

REPLAY_ARRAYS = ("observations", "next_observations", "actions", "rewards", "dones", "timeouts")
COUNTERS = ("num_timesteps", "_n_updates", "_n_calls")


def model_arrays(model: Any) -> Arrays:
    """Return copies of the model's arrays, which later learning does not change."""
    return {
        **{f"parameter/{name}": _to_array(tensor) for name, tensor in _tensors(model).items()},
        **_optimizer_moments(model),
        **_replay_arrays(model),
        "counters": np.array([getattr(model, name) for name in _counters(model)]),
    }


def restore_model(model: Any, arrays: Arrays) -> None:
    """Restore `arrays` to a new model of the same arguments.

    Raises ValueError or KeyError where they are another model's.
    """
    for name, tensor in _tensors(model).items():
        array = arrays[f"parameter/{name}"]
        if array.shape != tuple(tensor.shape):
            raise ValueError(f"{name} is of shape {array.shape}, expected {tuple(tensor.shape)}")
        tensor.detach().numpy()[...] = array
    for name, optimizer in _optimizers(model).items():
        _restore_moments(name, optimizer, arrays)
    names = _counters(model)
    for name, value in zip(names, arrays["counters"].tolist(), strict=True):
        setattr(model, name, int(value))
    if (buffer := getattr(model, "replay_buffer", None)) is not None:
        position, full = arrays["memory/position"].tolist()
        buffer.pos, buffer.full = position, bool(full)
        for name in REPLAY_ARRAYS:
            stored = arrays[f"memory/{name}"]
            getattr(buffer, name)[: len(stored)] = stored


def _restore_moments(name: str, optimizer: Any, arrays: Arrays) -> None:
    state = {}
    for index, parameter in enumerate(optimizer.param_groups[0]["params"]):
        prefix = f"moment/{name}/{index}/"
        found = {
            key.removeprefix(prefix): parameter.new_tensor(value)
            for key, value in arrays.items()
            if key.startswith(prefix)
        }
        if found:
            state[index] = found
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": state, "param_groups": groups})


def _counters(model: Any) -> tuple[str, ...]:
    return tuple(name for name in COUNTERS if hasattr(model, name))


def _tensors(model: Any) -> dict[str, Any]:
    """Return every parameter and buffer of the networks, target networks and entropy weight."""
    named = dict(model.policy.state_dict())
    if (entropy := getattr(model, "log_ent_coef", None)) is not None:
        named["log_ent_coef"] = entropy
    return named


def _optimizers(model: Any) -> dict[str, Any]:
    found = {
        "policy": getattr(model.policy, "optimizer", None),
        "actor": getattr(getattr(model, "actor", None), "optimizer", None),
        "critic": getattr(getattr(model, "critic", None), "optimizer", None),
        "entropy": getattr(model, "ent_coef_optimizer", None),
    }
    return {name: optimizer for name, optimizer in found.items() if optimizer is not None}


def _optimizer_moments(model: Any) -> Arrays:
    return {
        f"moment/{name}/{index}/{key}": _to_array(value)
        for name, optimizer in _optimizers(model).items()
        for index, state in optimizer.state_dict()["state"].items()
        for key, value in state.items()
    }


def _replay_arrays(model: Any) -> Arrays:
    """Return the filled part of the replay buffer."""
    buffer = getattr(model, "replay_buffer", None)
    if buffer is None:
        return {}
    filled = buffer.buffer_size if buffer.full else buffer.pos
    return {
        "memory/position": np.array([buffer.pos, int(buffer.full)]),
        **{f"memory/{name}": getattr(buffer, name)[:filled].copy() for name in REPLAY_ARRAYS},
    }


def _to_array(tensor: Any) -> NDArray[Any]:
    array: NDArray[Any] = tensor.detach().numpy().copy()
    return array
