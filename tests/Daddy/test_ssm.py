import torch

from Daddy.ssm import LRU, linear_scan, scan_loop, scan_parallel


def random_terms(steps, batch=3, size=5, seed=0, dtype=torch.complex128):
    generator = torch.Generator().manual_seed(seed)
    a = torch.polar(
        torch.rand(steps, batch, size, generator=generator, dtype=torch.float64),
        torch.randn(steps, batch, size, generator=generator, dtype=torch.float64),
    )
    b = torch.randn(steps, batch, size, generator=generator, dtype=torch.complex128)
    initial = torch.randn(batch, size, generator=generator, dtype=torch.complex128)
    first = torch.rand(steps, batch, 1, generator=generator) < 0.2
    return (a * ~first).to(dtype), b.to(dtype), initial.to(dtype), first


def naive(a, b, initial):
    states, h = [], initial
    for t in range(len(b)):
        h = a[t] * h + b[t]
        states.append(h)
    return torch.stack(states)


def test_scans_equal_the_obvious_loop_at_every_length():
    for steps in (1, 2, 3, 4, 5, 7, 16, 53):
        a, b, initial, _ = random_terms(steps, seed=steps)
        expected = naive(a, b, initial)
        torch.testing.assert_close(linear_scan(a, b, initial), expected)
        folded = torch.cat([(b[0] + a[0] * initial)[None], b[1:]])
        torch.testing.assert_close(scan_parallel(a, folded), expected)
        torch.testing.assert_close(scan_loop(a, folded), expected)


def test_gradients_equal_autograd_through_the_loop():
    a, b, initial, _ = random_terms(11)
    weights = torch.randn_like(b)
    grads = []
    for function in (naive, linear_scan):
        leaves = [v.clone().requires_grad_() for v in (a, b, initial)]
        (function(*leaves) * weights).real.sum().backward()
        grads.append([v.grad for v in leaves])
    for expected, actual in zip(*grads, strict=True):
        torch.testing.assert_close(actual, expected)


def test_no_gradient_crosses_a_reset():
    lru = LRU(4, 8)
    x = torch.randn(10, 2, 4, requires_grad=True)
    state = torch.randn(2, 16, requires_grad=True)
    first = torch.zeros(10, 2, dtype=torch.bool)
    first[6, 0] = True
    out, _ = lru(x, state, first)
    out[6:].sum().backward()
    assert torch.all(x.grad[:6, 0] == 0) and torch.all(state.grad[0] == 0)
    assert torch.all(x.grad[:6, 1].abs().sum(-1) > 0) and torch.all(state.grad[1] != 0)


def test_a_sequence_split_anywhere_gives_the_same_output():
    lru = LRU(4, 8)
    x, state = torch.randn(9, 3, 4), torch.randn(3, 16)
    first = torch.rand(9, 3) < 0.25
    whole, final = lru(x, state, first)
    for cut in range(1, 9):
        head, middle = lru(x[:cut], state, first[:cut])
        tail, end = lru(x[cut:], middle, first[cut:])
        torch.testing.assert_close(torch.cat([head, tail]), whole)
        torch.testing.assert_close(end, final)


def test_half_lives_span_tens_to_thousands_of_steps():
    lru = LRU(4, 64)
    lives = lru.half_lives()
    assert 9 < lives.min() < 11 and 3900 < lives.max() < 4100
    magnitude = lru.eigenvalues().abs()
    torch.testing.assert_close(magnitude**lives, torch.full_like(lives, 0.5), rtol=1e-3, atol=0)
    assert (magnitude < 1).all()
