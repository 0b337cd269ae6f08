import time

import pytest

from Daddy.stopwatch import Stopwatch


def test_shares_add_up_and_start_anew():
    clock = Stopwatch()
    with clock.section("sleep"):
        time.sleep(0.05)
    time.sleep(0.05)
    shares = clock.take()
    assert sum(shares.values()) == pytest.approx(100.0)
    assert shares["sleep"] > 20 and shares["other"] > 20
    assert clock.take()["other"] == pytest.approx(100.0)


def test_a_section_counts_even_when_it_raises():
    clock = Stopwatch()
    with pytest.raises(KeyError), clock.section("bad"):
        time.sleep(0.02)
        raise KeyError
    assert clock.take()["bad"] > 50
