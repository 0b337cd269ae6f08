"""The fused step of acting against the network's own forward pass."""

import numpy as np
import pytest
import torch

from Daddy.actor import Actor
from Daddy.cell_tables import ByteRows, byte_tables, level_weights, look_up
from Daddy.frames import pack_cells, stack_cells, unpack_cells
from Daddy.networks import PRESETS, HierarchicalQNetwork, NetworkSizes
from Daddy.stepping import FusedStepper, PlainStepper

ENVS, ACTIONS, FEATURES = 5, 4, 3
PROJECTED = NetworkSizes((4, 8, 8), (2, 1), embed=24, structured=8, gru=12, lstm=20, ssm=16, head=16)
BLIND = NetworkSizes((0, 0, 0), (1, 1), embed=0, structured=8, gru=8, lstm=8, ssm=8, head=8)


def network(sizes, **kwargs):
    torch.manual_seed(0)
    features = FEATURES + 90 * kwargs.get("cell_planes", 0)
    net = HierarchicalQNetwork(sizes, ACTIONS, features, **kwargs)
    for parameter in net.parameters():  # so that no scale is one and no shift is zero
        parameter.data += 0.1 * torch.randn_like(parameter)
    return net


def rows(rng, envs, net):
    count, features = len(envs), net.core_dim - ACTIONS - 1
    return {
        "screen": rng.integers(0, 256, (count, 72, 20), dtype=np.uint8),
        "structured": rng.integers(0, 256, (count, features), dtype=np.uint8), "is_first": rng.random(count) < 0.2,
    }  # fmt: skip


@pytest.mark.parametrize("sizes, options", [
    (PRESETS["slim"], {"cell_planes": 1}), (PROJECTED, {"cell_planes": 2}), (PROJECTED, {"frame_stack": 3}),
    (PROJECTED, {"frame_stack": 1, "ablate": ("lstm",)}), (PROJECTED, {"ablate": ("gru", "ssm")}),
    (PROJECTED, {"ablate": ("gru", "lstm", "ssm")}), (BLIND, {}),
])  # fmt: skip
def test_a_fused_step_equals_the_network(sizes, options):
    net, rng = network(sizes, **options), np.random.default_rng(0)
    fused, plain = (Actor(net, ENVS, torch.device("cpu"), stepper=kind) for kind in (FusedStepper, PlainStepper))
    seen = []
    for call in range(30):
        envs = rng.permutation(ENVS)[: rng.integers(1, ENVS + 1)]
        observed, reward = rows(rng, envs, net), rng.normal(size=len(envs)).astype(np.float32)
        actions = rng.integers(0, ACTIONS, len(envs))
        if call in (10, 20):
            for parameter in net.parameters():
                parameter.data += 0.02 * torch.randn_like(parameter)
            fused.sync(net), plain.sync(net)
        if call == 15:  # a saved actor goes on as if nothing had been
            saved, fused = fused.state_dict(), Actor(net, ENVS, torch.device("cpu"), stepper=FusedStepper)
            fused.load_state_dict(saved)
        found = []
        for actor in (fused, plain):
            found.append(actor.q_values(observed, reward, envs)[0])
            actor.remember_actions(envs, actions)
        np.testing.assert_allclose(*found, atol=2e-5, rtol=1e-5)
        torch.testing.assert_close(
            fused.state_dict()["memory"], plain.state_dict()["memory"], atol=2e-5, rtol=1e-5
        )
        seen.append(found[0])
    assert np.concatenate(seen).std(axis=0).min() > 1e-3, "Q-values depend on what is seen"


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_table_sums_equal_the_product_with_stacked_pixels(depth):
    generator = torch.Generator().manual_seed(depth)
    screens = torch.randint(0, 256, (2, 3 + depth, 72, 20), generator=generator, dtype=torch.uint8)
    weight = torch.randn(6, depth * 64, generator=generator)
    tables = byte_tables(level_weights(weight, depth))
    sums = look_up(tables, *ByteRows()(pack_cells(screens))).view(2, 3 + depth, 9, 10, depth, 6)
    got = sum(sums[:, depth - 1 - age : 3 + depth - age, :, :, age] for age in range(depth))
    first = torch.zeros(2, 3 + depth, dtype=torch.bool)
    stacked = stack_cells(unpack_cells(screens), first, depth)
    torch.testing.assert_close(got, stacked.float() / 3.0 @ weight.t(), atol=1e-4, rtol=1e-4)
