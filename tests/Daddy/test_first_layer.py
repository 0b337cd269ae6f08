"""The first layer of distinct cells against the encoder's own, values and gradients."""

import numpy as np
import pytest
import torch

from Daddy.encoder import CellEncoder
from Daddy.first_layer import distinct_columns, distinct_stacks
from Daddy.frames import expand_cells, stack_cells

BATCH, STEPS, BURN, END = 3, 7, 2, 5


def make(depth, planes):
    torch.manual_seed(0)
    encoder = CellEncoder(depth, (6, 8, 8), (2, 2), 16, planes)
    for parameter in encoder.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    return encoder


@pytest.mark.parametrize("depth, planes", [(1, 0), (2, 1), (2, 2), (3, 2)])
def test_seen_once_equals_the_encoders_own_first_layer(depth, planes):
    encoder, rows = make(depth, planes), depth - 1 + STEPS
    tiles = torch.randint(0, 256, (5, 16), dtype=torch.uint8)  # screens of five tiles, so that stacks repeat
    packed = tiles[torch.randint(0, 5, (BATCH, rows, 9, 10))]
    packed[:, ::3, :2] = torch.randint(0, 256, packed[:, ::3, :2].shape, dtype=torch.uint8)
    first = torch.rand(BATCH, rows) < 0.3
    values, weights = torch.randint(0, 2, (BATCH, STEPS, planes * 90)) / 2.0, torch.randn(BATCH, END - BURN, 16)
    stacked = stack_cells(expand_cells(packed), first, depth)
    as_planes = values.unflatten(-1, (planes, 9, 10))

    stacks = distinct_stacks(packed, first, depth, values)
    assert len(stacks.levels) < 0.9 * stacks.shown.numel()
    seen = stacks.spread(stacks.through(encoder), 0, STEPS, torch.float32)
    own = encoder(stacked.flatten(0, 1), as_planes.flatten(0, 1))
    torch.testing.assert_close(encoder(seen.flatten(0, 1)), own, atol=1e-5, rtol=1e-4)

    found = []
    for once in (True, False):
        encoder.zero_grad()
        seen = stacks.spread(stacks.through(encoder), BURN, END, torch.float32) if once else stacked[:, BURN:END]
        features = encoder(seen.flatten(0, 1), as_planes[:, BURN:END].flatten(0, 1)).unflatten(0, (BATCH, -1))
        (features * weights).sum().backward()
        found.append({name: p.grad.clone() for name, p in encoder.named_parameters()})
    assert ("planes.weight" in found[0]) == (planes > 0)
    for name, grad in found[1].items():
        assert grad.abs().sum() > 0
        torch.testing.assert_close(found[0][name], grad, atol=1e-4, rtol=1e-3, msg=name)


@pytest.mark.parametrize("kinds", [1, 40, 10**6])
@pytest.mark.parametrize("width", [1, 5, 9])
def test_distinct_columns_stand_for_their_likes_and_no_others(kinds, width):
    rng = np.random.default_rng(width)
    words = rng.integers(-(2**63), 2**63, (kinds, width))[rng.integers(0, kinds, 3_000)].T.copy()
    which, number = distinct_columns(words)
    np.testing.assert_array_equal(words[:, which][:, number], words)
    assert len(np.unique(words, axis=1).T) <= len(which) <= 1.15 * len(np.unique(words, axis=1).T)


def test_columns_that_differ_in_one_bit_find_slots_of_their_own():
    words = np.zeros((10, 640), np.int64)  # each with one bit set
    words[np.arange(640) // 64, np.arange(640)] = np.int64(1) << np.arange(640) % 64
    which, number = distinct_columns(np.tile(words, 4))
    np.testing.assert_array_equal(np.tile(words, 4)[:, which][:, number], np.tile(words, 4))
    assert 640 <= len(which) < 1.3 * 640
