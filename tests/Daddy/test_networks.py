from dataclasses import replace

import pytest
import torch
from torch import nn

from Daddy.networks import PRESETS, HierarchicalQNetwork, NetworkSizes, core_inputs
from Daddy.recurrent import find_segments, run_fused, run_recurrent
from Daddy.state import HierarchicalState, Restarts

TINY = NetworkSizes((4, 8, 8), (2, 2), embed=24, structured=8, gru=16, lstm=20, ssm=12, head=16)
ACTIONS, FEATURES = 5, 6


def make(sizes=TINY, **kwargs):
    torch.manual_seed(0)
    return HierarchicalQNetwork(sizes, ACTIONS, FEATURES, **kwargs)


def inputs(net, batch=4, steps=13, reset_rate=0.15, seed=1):
    generator = torch.Generator().manual_seed(seed)
    frames = torch.randint(0, 4, (batch, steps, net.frame_stack, 72, 80), generator=generator, dtype=torch.uint8)
    structured = torch.randn(batch, steps, net.core_dim, generator=generator)
    first = torch.rand(batch, steps, generator=generator) < reset_rate
    state = net.initial_state(batch)
    return frames, structured, state.replace(torch.randn(state.flat.shape, generator=generator)), first


def test_planes_of_cells_reach_the_encoder_cell_by_cell():
    torch.manual_seed(0)
    net = HierarchicalQNetwork(TINY, ACTIONS, FEATURES + 90, cell_planes=1)
    frames, structured, state, first = inputs(net)
    moved = structured.clone()
    moved[:, 6, FEATURES + 37] += 1.0  # one cell at one step
    base, changed = net(frames, structured, state, first)[0], net(frames, moved, state, first)[0]
    assert torch.equal(base[:, :6], changed[:, :6]) and not torch.allclose(base[:, 6], changed[:, 6])

    assert net.structured[0].in_features == net.core_dim
    seen = []
    net.encoder.planes.register_forward_hook(lambda _, inputs, __: seen.append(inputs[0]))
    net(frames, moved, state, first)
    cells = seen[0].unflatten(0, (4, 13))[0, 6, ..., 0]  # (9, 10)
    assert torch.equal(cells.flatten(), moved[0, 6, FEATURES : FEATURES + 90])


@pytest.mark.parametrize("reset_rate", [0.0, 0.15, 0.6])
@pytest.mark.parametrize("ablate", [(), ("gru",), ("lstm",), ("ssm",), ("gru", "lstm", "ssm")])
def test_a_sequence_equals_stepping(reset_rate, ablate):
    net = make(ablate=ablate)
    frames, structured, state, first = inputs(net, reset_rate=reset_rate)
    with torch.inference_mode():
        q, final, aux = net(frames, structured, state, first)
        stepped = []
        for t in range(frames.shape[1]):
            mask = first[:, t] if t % 2 else first[:, t : t + 1]
            q_t, state, aux_t = net(frames[:, t], structured[:, t], state, mask)
            torch.testing.assert_close(aux_t["features"], aux["features"][:, t], atol=1e-5, rtol=0)
            stepped.append(q_t)
    torch.testing.assert_close(torch.stack(stepped, 1), q, atol=1e-5, rtol=0)
    torch.testing.assert_close(state.flat, final.flat, atol=1e-5, rtol=0)


@pytest.mark.parametrize("reset_rate", [0.0, 0.3])
@pytest.mark.parametrize("run", [run_recurrent, run_fused])
@pytest.mark.parametrize("kind, parts", [(nn.GRU, 1), (nn.LSTM, 2)])
def test_sequences_have_the_same_gradients_as_masked_steps(kind, parts, run, reset_rate):
    torch.manual_seed(3)
    first = torch.rand(9, 3) < reset_rate
    x, weights, final_weights = torch.randn(9, 3, 4), torch.randn(9, 3, 5), torch.randn(parts, 3, 5)
    rnn, state = kind(4, 5), torch.randn(parts, 3, 5)
    found = []
    for at_once in (True, False):
        leaf, start = x.clone().requires_grad_(), state.clone().requires_grad_()
        rnn.zero_grad()
        if at_once:
            out, final = run(rnn, leaf, list(start), find_segments(first), first)
        else:
            final, rows = list(start), []
            for t in range(9):
                row, final = run_fused(rnn, leaf[t : t + 1], final, None, first[t : t + 1])
                rows.append(row)
            out = torch.cat(rows)
        final = torch.stack(final)
        ((out * weights).sum() + (final * final_weights).sum()).backward()
        found.append([out, final, leaf.grad, start.grad, *(p.grad.clone() for p in rnn.parameters())])
    for a, b in zip(*found, strict=True):
        torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-4)


def test_a_restart_inside_a_batch_equals_a_sequence_that_begins_there():
    net = make(replace(TINY, embed=0))
    _, structured, state, first = inputs(net)
    first[1, 5], first[2, 0], first[1, 6:] = True, True, False
    memories = torch.randn(2, state.flat.shape[1])
    restarts = Restarts(torch.tensor([5, 0]), torch.tensor([1, 2]), memories)
    no_cells, weights, found = torch.empty(4, 0), torch.randn(4, 13, ACTIONS), []
    for together in (True, False):
        net.zero_grad()
        if together:
            q, final, _ = net.forward_cells(no_cells, structured, state, first, restarts)
        else:
            known, begin = first.clone(), state.flat.clone()
            known[2, 0], begin[2] = False, memories[1]
            head, _, _ = net.forward_cells(no_cells, structured[:, :5], state.replace(begin), known[:, :5])
            q, final, _ = net.forward_cells(no_cells, structured, state.replace(begin), known)
            known[1, 5] = False
            tail, end, _ = net.forward_cells(
                no_cells[:1], structured[1:2, 5:], state.replace(memories[:1]), known[1:2, 5:]
            )
            q = torch.cat([q[:1], torch.cat([head[1], tail[0]])[None], q[2:]])
            final = state.replace(torch.cat([final.flat[:1], end.flat, final.flat[2:]]))
        ((q * weights).sum() + final.flat.square().sum()).backward()
        found.append([q, final.flat, *(p.grad.clone() for p in net.parameters())])
    for a, b in zip(*found, strict=True):
        torch.testing.assert_close(a, b, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("kind, parts", [(nn.GRU, 1), (nn.LSTM, 2)])
def test_loops_in_bfloat16_stay_close_to_float32(kind, parts):
    torch.manual_seed(3)
    first, x, rnn = torch.rand(20, 6) < 0.1, torch.randn(20, 6, 24), kind(24, 32)
    found = []
    for low in (False, True):
        rnn.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, low):
            out, final = run_recurrent(rnn, x, list(torch.ones(parts, 6, 32)), find_segments(first), first)
        assert out.dtype == (torch.bfloat16 if low else torch.float32) and final[0].dtype == torch.float32
        out.float().square().mean().backward()
        found.append([out.detach().float(), *(p.grad.clone() for p in rnn.parameters())])
    for exact, rounded in zip(*found, strict=True):
        assert 0 < float((exact - rounded).norm() / exact.norm()) < 0.02


def test_a_reset_forgets_everything():
    net = make()
    frames, structured, state, first = inputs(net, reset_rate=0.0)
    first[:, 5] = True
    q, final, _ = net(frames, structured, state, first)
    fresh, fresh_final, _ = net(frames[:, 5:], structured[:, 5:], net.initial_state(4), first[:, 5:])
    torch.testing.assert_close(q[:, 5:], fresh, atol=1e-5, rtol=0)
    torch.testing.assert_close(final.flat, fresh_final.flat, atol=1e-5, rtol=0)
    frames2 = frames.clone()
    frames2[:, :5] = 0
    torch.testing.assert_close(net(frames2, structured, state, first)[0][:, 5:], q[:, 5:], atol=1e-5, rtol=0)


@pytest.mark.parametrize("preset", ["slim", "large"])
def test_every_parameter_of_a_preset_gets_a_gradient(preset):
    net = make(PRESETS[preset])
    frames, structured, state, first = inputs(net, batch=2, steps=4, reset_rate=0.2)
    q, _, _ = net(frames, structured, state, first)
    (q * torch.randn_like(q)).sum().backward()
    dead = [name for name, p in net.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert dead == []


def test_presets_have_the_promised_sizes():
    slim, large = PRESETS["slim"], PRESETS["large"]
    assert (slim.cnn, slim.gru, slim.lstm, slim.ssm) == ((16, 32, 64), 128, 128, 128)
    assert (large.cnn, large.gru, large.lstm, large.ssm) == ((32, 64, 128), 256, 512, 512)


def test_ablation_removes_the_level_and_unknown_names_are_refused():
    net = make(ablate=("lstm",))
    assert not any(name.startswith("lstm") for name, _ in net.named_parameters())
    assert net.initial_state(1).part("lstm_h").shape == (1, 0)
    with pytest.raises(ValueError, match="cannot ablate"):
        make(ablate=("cnn",))


def test_shapes_are_asserted_not_coerced():
    net = make()
    frames, structured, state, first = inputs(net)
    wrong = [(frames.float(), structured, first), (frames, structured[..., 1:], first), (frames, structured, first[1:])]
    for bad in wrong:
        with pytest.raises(ValueError, match="must be"):
            net(bad[0], bad[1], state, bad[2])


def test_core_inputs_hide_action_and_reward_at_an_episode_start():
    structured = torch.tensor([[255, 0], [0, 51]], dtype=torch.uint8)
    rows = core_inputs(structured, torch.tensor([1, 2]), torch.tensor([4.0, -9.0]), torch.tensor([True, False]), 3)
    torch.testing.assert_close(rows, torch.tensor([[1.0, 0, 0, 0, 0, 0], [0, 0.2, 0, 0, 1, -3.0]]))


def test_state_operations():
    sizes = (2, 1, 1, 4)
    state = HierarchicalState(torch.arange(16.0).view(2, 8), sizes)
    assert state.part("gru").tolist() == [[0, 1], [8, 9]]
    assert state.part("ssm").tolist() == [[4, 5, 6, 7], [12, 13, 14, 15]]
    assert state.mask(torch.tensor([True, False])).flat.sum(1).tolist() == [0.0, 92.0]
    joined = HierarchicalState.cat([state, HierarchicalState.zeros(sizes, 1)])
    assert joined.index(torch.tensor([2, 1])).flat[:, 0].tolist() == [0.0, 8.0]
    assert not HierarchicalState(torch.zeros(1, 8, requires_grad=True) * 2, sizes).detach().flat.requires_grad
    with pytest.raises(ValueError, match="width"):
        state.replace(torch.zeros(2, 7))


def test_a_network_without_a_screen_reads_float_vectors_only():
    sizes = NetworkSizes((0, 0, 0), (1, 1), embed=0, structured=8, gru=8, lstm=8, ssm=8, head=8)
    net = HierarchicalQNetwork(sizes, num_actions=3, structured_dim=2, frame_stack=1)
    action, reward, first = torch.zeros(2, 4, dtype=torch.int64), torch.zeros(2, 4), torch.zeros(2, 4, dtype=torch.bool)
    values = torch.randn(2, 4, 2)
    core = core_inputs(values, action, reward, first, 3)
    assert torch.equal(core[..., :2], values)
    black, white = (torch.full((2, 4, 1, 72, 80), level, dtype=torch.uint8) for level in (0, 3))
    q, state, _ = net(black, core, net.initial_state(2), first)
    assert torch.equal(q, net(white, core, net.initial_state(2), first)[0]) and state.flat.abs().sum() > 0
