import numpy as np
import pytest
import torch

from Daddy.frames import _expand_shifts, cut_cells, pack2bit, stack_cells, unpack2bit, unpack_cells


def test_packing_is_lossless_and_puts_the_leftmost_pixel_in_the_high_bits():
    levels = np.random.default_rng(0).integers(0, 4, (5, 72, 80), dtype=np.uint8)
    packed = pack2bit(levels)
    assert packed.shape == (5, 72, 20) and packed.dtype == np.uint8
    np.testing.assert_array_equal(unpack2bit(packed), levels)
    np.testing.assert_array_equal(_expand_shifts(torch.from_numpy(packed)).numpy(), levels)  # the GPU's way
    one = np.zeros((72, 80), np.uint8)
    one[0, :4] = [3, 0, 1, 2]
    assert pack2bit(one)[0, 0] == 0b11_00_01_10


def test_wrong_shapes_are_refused():
    for function, shape in ((pack2bit, (80, 72)), (unpack2bit, (72, 80))):
        with pytest.raises(ValueError, match="expected"):
            function(np.zeros(shape, np.uint8))


def test_cells_hold_the_pixels_of_one_tile_each():
    levels = torch.from_numpy(np.random.default_rng(0).integers(0, 4, (2, 3, 72, 80), dtype=np.uint8))
    cells = cut_cells(levels)
    assert cells.shape == (2, 3, 9, 10, 64)
    for row, col in ((0, 0), (4, 4), (8, 9)):
        tile = levels[..., 8 * row : 8 * row + 8, 8 * col : 8 * col + 8]
        assert torch.equal(cells[..., row, col, :], tile.flatten(-2))
    packed = torch.from_numpy(pack2bit(levels.numpy()))
    assert torch.equal(unpack_cells(packed), cells)


def test_stacks_never_show_an_earlier_episode():
    depth, rows = 3, 9
    cells = torch.arange(1, rows + 1, dtype=torch.uint8).view(1, rows, 1, 1, 1).expand(1, rows, 9, 10, 64)
    first = torch.zeros(1, rows, dtype=torch.bool)
    first[0, 4] = True
    stacked = stack_cells(cells, first, depth)
    assert stacked.shape == (1, rows - depth + 1, 9, 10, depth * 64)
    seen = stacked[0, :, 0, 0, ::64].tolist()
    assert seen == [[1, 2, 3], [2, 3, 4], [0, 0, 5], [0, 5, 6], [5, 6, 7], [6, 7, 8], [7, 8, 9]]
