import numpy as np
import pytest

from Daddy.puffer_shim.screens import pack_screen

GREY = np.array([0, 85, 153, 255], np.uint8)


@pytest.fixture
def levels() -> np.ndarray:
    return np.random.default_rng(0).integers(4, size=(72, 80)).astype(np.uint8)


def unpack(packed: np.ndarray) -> np.ndarray:
    return np.stack([packed >> shift & 3 for shift in (6, 4, 2, 0)], axis=-1).reshape(72, 80)


def upscaled(frame: np.ndarray) -> np.ndarray:
    """Twice the size; the pixels that reduction drops hold something else."""
    big = frame.repeat(2, axis=0).repeat(2, axis=1)
    big[1::2], big[:, 1::2] = 0, 0
    return big


def packed(frame: np.ndarray) -> np.ndarray:
    quads = frame.reshape(len(frame), -1, 4).astype(int)
    return (quads @ np.array([64, 16, 4, 1])).astype(np.uint8)


@pytest.mark.parametrize("trailing_axis", [True, False])
@pytest.mark.parametrize("layout", ["two_bit", "grey", "full_grey", "full_two_bit"])
def test_every_layout_gives_the_same_frame(levels, layout, trailing_axis):
    screen = {
        "two_bit": packed(levels), "grey": GREY[levels], "full_grey": GREY[upscaled(levels)],
        "full_two_bit": packed(upscaled(levels)),
    }[layout]  # fmt: skip
    out = pack_screen(screen[..., None] if trailing_axis else screen)
    assert out.shape == (72, 20) and out.dtype == np.uint8
    assert (unpack(out) == levels).all()


def test_an_unknown_shape_is_refused():
    with pytest.raises(ValueError, match="84"):
        pack_screen(np.zeros((84, 84, 1), np.uint8))
