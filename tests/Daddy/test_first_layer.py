"""The first layer by look-up against the encoder's own, values and gradients."""

import pytest
import torch

from Daddy.encoder import CellEncoder
from Daddy.first_layer import FirstLayers, Screens, as_grid, with_gradient
from Daddy.frames import expand_cells, pack_cells, stack_cells

BATCH, STEPS, BURN, END = 3, 7, 2, 5


def make(depth, planes, seed):
    torch.manual_seed(seed)
    encoder = CellEncoder(depth, (6, 8, 8), (2, 2), 16, planes)
    for parameter in encoder.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    return encoder


@pytest.mark.parametrize("depth, planes", [(1, 0), (2, 1), (3, 2)])
def test_look_up_equals_the_encoders_own_first_layer(depth, planes):
    online, target = make(depth, planes, 0), make(depth, planes, 1)
    rows = depth - 1 + STEPS
    packed = pack_cells(torch.randint(0, 256, (BATCH, rows, 72, 20), dtype=torch.uint8))
    first = torch.rand(BATCH, rows) < 0.3
    values, weights = torch.rand(BATCH, STEPS, planes * 90), torch.randn(BATCH, END - BURN, 16)
    stacked = stack_cells(expand_cells(packed), first, depth)
    as_planes = values.unflatten(-1, (planes, 9, 10))

    screens = Screens.of(packed, first, depth, values)
    ours, theirs = FirstLayers()([online, target], screens, torch.float32)
    learned = with_gradient(online, [part[BURN:END] for part in ours], screens.rows(BURN, END))
    for encoder, out in ((online, ours), (target, theirs)):
        own = encoder(stacked.flatten(0, 1), as_planes.flatten(0, 1))
        torch.testing.assert_close(encoder(as_grid(out[0]).flatten(0, 1)), own, atol=1e-5, rtol=1e-4)

    found = []
    for at_once in (True, False):
        online.zero_grad()
        seen = as_grid(learned) if at_once else stacked[:, BURN:END]
        features = online(seen.flatten(0, 1), as_planes[:, BURN:END].flatten(0, 1)).unflatten(0, (BATCH, -1))
        (features * weights).sum().backward()
        found.append({name: p.grad.clone() for name, p in online.named_parameters()})
    assert ("planes.weight" in found[0]) == (planes > 0)
    for name, grad in found[1].items():
        assert grad.abs().sum() > 0
        torch.testing.assert_close(found[0][name], grad, atol=1e-4, rtol=1e-3, msg=name)
