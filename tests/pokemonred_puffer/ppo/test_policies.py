"""The policies on observations of the env's space."""
from __future__ import annotations

import numpy as np
import pytest
import torch
from gymnasium import spaces

from pokemonred_puffer.data.events import EVENTS_IDXS
from pokemonred_puffer.observation import observation_space, pack2bit
from pokemonred_puffer.policies.cells import CellPolicy
from pokemonred_puffer.policies.decoding import BitUnpacker, PixelUnpacker, decode
from pokemonred_puffer.policies.multi_convolutional import MultiConvolutionalPolicy
from pokemonred_puffer.ppo.recurrent import RecurrentPolicy
from pokemonred_puffer.quiet_pufferlib import GymnasiumPufferEnv


class Spaces:
    render_mode = None
    observation_space, action_space = observation_space(), spaces.Discrete(7)


LAYOUT = GymnasiumPufferEnv(Spaces()).obs_dtype


def rows(count: int = 3) -> tuple[np.ndarray, torch.Tensor]:
    """Random observations: (structs, flat tensor)."""
    space = observation_space()
    space.seed(0)
    structs = np.zeros(count, LAYOUT)
    for struct in structs:
        for name, value in space.sample().items():
            struct[name] = value
    return structs, torch.from_numpy(structs.view(np.uint8).reshape(count, -1))


def test_decoding_gives_back_what_was_put_in():
    structs, flat = rows()
    for name, tensor in decode(flat, LAYOUT).items():
        assert np.array_equal(tensor.numpy(), structs[name]), name


def test_unpacked_pixels_and_bits_are_those_that_were_packed():
    levels = np.random.default_rng(0).integers(0, 4, (2, 72, 80)).astype(np.uint8)
    assert np.array_equal(PixelUnpacker()(torch.from_numpy(pack2bit(levels)[..., None])).numpy(), levels)
    packed = np.random.default_rng(0).integers(0, 256, (2, 320)).astype(np.uint8)
    bits = np.unpackbits(packed, axis=1, bitorder="little")[:, list(EVENTS_IDXS)]
    assert np.array_equal(BitUnpacker(EVENTS_IDXS)(torch.from_numpy(packed)).numpy(), bits)


def test_upstreams_network_has_upstreams_size():
    policy = RecurrentPolicy(MultiConvolutionalPolicy(LAYOUT, 7), 512)
    assert policy.policy.encoder[0].in_features == 4225
    assert abs(sum(p.numel() for p in policy.parameters()) - 4_348_312) < 1_000


@pytest.mark.parametrize("kind", [MultiConvolutionalPolicy, CellPolicy])
def test_any_byte_of_the_game_is_digested_and_all_parameters_learn(kind):
    policy = RecurrentPolicy(kind(LAYOUT, 7, 32), 32)
    _, flat = rows(8)
    flat[0] = 255
    structs = flat.numpy().view(LAYOUT)
    for name in ("hp", "maxHP", "attack", "defense", "speed", "special", "safari_steps"):
        structs[name] = np.minimum(structs[name], 0xFFFF)
    starts = torch.zeros(2, 4, dtype=torch.bool)
    logits, values, _ = policy(flat.view(2, 4, -1), starts, policy.initial_state(4))
    assert torch.isfinite(logits).all() and torch.isfinite(values).all()
    assert (logits.softmax(-1) - 1 / 7).abs().max() < 0.1, "the first policy is nearly uniform"
    (logits.square().sum() + values.square().sum()).backward()
    assert [name for name, p in policy.named_parameters() if p.grad is None or not p.grad.any()] == []


@pytest.mark.parametrize("part", ["screen", "visited_mask", "events", "map_id", "hp", "bag_items", "species"])
@pytest.mark.parametrize("kind", [MultiConvolutionalPolicy, CellPolicy])
def test_each_part_of_the_observation_reaches_the_network(kind, part):
    torch.manual_seed(0)
    structs, flat = rows(1)
    policy = kind(LAYOUT, 7, 32)
    before = policy.encode_observations(flat).clone()
    structs[part] = 255 - structs[part] if structs[part].dtype == np.uint8 else structs[part] // 2
    assert not torch.equal(policy.encode_observations(flat), before)
