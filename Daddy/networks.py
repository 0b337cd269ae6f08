"""The Q-network: CNN -> GRU (short memory) -> LSTM (middle) -> SSM (long) -> dueling head on the sum of all levels."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from Daddy.encoder import CellEncoder
from Daddy.frames import CELLS, GRID, HEIGHT, WIDTH, cut_cells
from Daddy.recurrent import Segments, find_segments, run_recurrent
from Daddy.ssm import LRU
from Daddy.state import HierarchicalState, Restarts

ABLATIONS = ("gru", "lstm", "ssm")


@dataclass(frozen=True)
class NetworkSizes:
    """Widths of a network; `strides` are those of the second and third CNN layer; `embed` 0 leaves the screen out."""

    cnn: tuple[int, int, int]
    strides: tuple[int, int]
    embed: int
    structured: int
    gru: int
    lstm: int
    ssm: int
    head: int


PRESETS = {
    "slim": NetworkSizes((16, 32, 64), (2, 2), embed=128, structured=64, gru=128, lstm=128, ssm=128, head=128),
    "large": NetworkSizes((32, 64, 128), (2, 1), embed=256, structured=128, gru=256, lstm=512, ssm=512, head=512),
}


def core_inputs(structured: Tensor, action: Tensor, reward: Tensor, is_first: Tensor, num_actions: int) -> Tensor:
    """Join what the core sees besides pixels: features, the action that led here (one-hot) and its signed-sqrt reward.

    structured uint8 (..., F), which is scaled to 0..1, or float, action int64 (...), reward float (...), is_first bool
    (...) -> float (..., F+A+1). At an episode start no action led here: both are zero.
    """
    keep = (~is_first).to(torch.float32)[..., None]
    one_hot = F.one_hot(action, num_actions).to(torch.float32) * keep
    squashed = torch.sign(reward) * torch.sqrt(torch.abs(reward))
    features = structured.to(torch.float32) / 255.0 if structured.dtype == torch.uint8 else structured
    return torch.cat([features, one_hot, squashed[..., None] * keep], dim=-1)


class _Dense(nn.Sequential):
    """Linear, LayerNorm, ReLU."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__(nn.Linear(inputs, outputs), nn.LayerNorm(outputs), nn.ReLU())


def _project(inputs: int, outputs: int) -> nn.Module:
    return nn.Identity() if inputs == outputs else nn.Linear(inputs, outputs, bias=False)


class HierarchicalQNetwork(nn.Module):
    """Recurrent dueling Q-network over frame stacks and structured features; `ablate` replaces levels by identity."""

    def __init__(self, sizes: NetworkSizes, num_actions: int, structured_dim: int, frame_stack: int = 2,
                 ablate: tuple[str, ...] = (), cell_planes: int = 0):
        """`structured_dim` counts feature bytes; the network adds num_actions + 1 inputs of its own (`core_inputs`).

        The last `cell_planes` * 90 features are planes of the screen's 9x10 cells, which the encoder sees too.
        """
        super().__init__()
        unknown = set(ablate) - set(ABLATIONS)
        if unknown:
            raise ValueError(f"cannot ablate {sorted(unknown)}; choose from {ABLATIONS}")
        sizes = replace(sizes, **dict.fromkeys(ablate, 0))
        self.sizes, self.num_actions, self.frame_stack = sizes, num_actions, frame_stack
        self.state_sizes = (sizes.gru, sizes.lstm, sizes.lstm, 2 * sizes.ssm)
        self.core_dim = structured_dim + num_actions + 1
        self.cell_planes, planes = cell_planes, cell_planes * CELLS
        self.plane_columns = slice(structured_dim - planes, structured_dim)
        if sizes.embed:
            self.encoder = CellEncoder(frame_stack, sizes.cnn, sizes.strides, sizes.embed, cell_planes)
        self.structured = _Dense(self.core_dim, sizes.structured)
        joint = sizes.embed + sizes.structured
        width = max(sizes.embed, sizes.gru, sizes.lstm, sizes.ssm)
        self.base = _project(joint, width)
        self._build_cores(joint, width)
        self.out_norm = nn.LayerNorm(width)
        self.value = nn.Sequential(_Dense(width, sizes.head), nn.Linear(sizes.head, 1))
        self.advantage = nn.Sequential(_Dense(width, sizes.head), nn.Linear(sizes.head, num_actions))

    def _build_cores(self, joint: int, width: int) -> None:
        sizes = self.sizes
        if sizes.gru:
            self.gru, self.gru_out = nn.GRU(joint, sizes.gru), _project(sizes.gru, width)
        if sizes.lstm:
            self.lstm, self.lstm_norm = nn.LSTM(width, sizes.lstm), nn.LayerNorm(width)
            self.lstm_out = _project(sizes.lstm, width)
            with torch.no_grad():  # start out remembering
                self.lstm.bias_ih_l0[sizes.lstm : 2 * sizes.lstm] += 1.0
        if sizes.ssm:
            self.ssm, self.ssm_norm = LRU(width, sizes.ssm), nn.LayerNorm(width)
            self.ssm_out = _project(sizes.ssm, width)

    def initial_state(self, batch: int, device: torch.device | str = "cpu") -> HierarchicalState:
        """Zero memory for `batch` agents."""
        return HierarchicalState.zeros(self.state_sizes, batch, device)

    def core_parameters(self) -> list[nn.Parameter]:
        """Parameters of the recurrent levels, for their own learning rate."""
        cores = [getattr(self, name) for name in ABLATIONS if hasattr(self, name)]
        return [p for core in cores for p in core.parameters()]

    def forward(self, frames: Tensor, structured: Tensor, state: HierarchicalState,
                done_mask: Tensor) -> tuple[Tensor, HierarchicalState, dict[str, Tensor]]:
        """Q-values of one step or of a sequence.

        frames uint8 (B, K, 72, 80) or (B, T, K, 72, 80), newest frame last; structured float (B, [T,] core_dim) from
        `core_inputs`; done_mask bool (B,), (B, 1) or (B, T): True zeroes the memory before that step, i.e. the row is
        an episode's first. Returns q (B, [T,] A), the state after the last step and aux: "features" (B, [T,] width),
        what the head reads.
        """
        single = frames.dim() == 4
        if single:
            frames, structured, done_mask = frames[:, None], structured[:, None], done_mask.reshape(-1, 1)
        expected = (*done_mask.shape, self.frame_stack, HEIGHT, WIDTH)
        if frames.shape != expected or frames.dtype != torch.uint8:
            raise ValueError(f"frames must be uint8 {expected}, got {frames.dtype} {tuple(frames.shape)}")
        cells = cut_cells(frames).permute(0, 1, 3, 4, 2, 5).flatten(-2)  # (B, T, 9, 10, K*64)
        q, new_state, aux = self.forward_cells(cells, structured, state, done_mask)
        return (q[:, 0], new_state, {k: v[:, 0] for k, v in aux.items()}) if single else (q, new_state, aux)

    def forward_cells(
        self, cells: Tensor, structured: Tensor, state: HierarchicalState, done_mask: Tensor,
        restarts: Restarts | None = None,
    ) -> tuple[Tensor, HierarchicalState, dict[str, Tensor]]:  # fmt: skip
        """`forward` of a sequence whose frames are cut already: uint8 (B, T, 9, 10, K*64) from `frames.stack_cells`,
        or what the encoder's first layer made of them, float (B, T, 9, 10, C0), best a view of time-first memory, or
        anything where the network has no screen. `restarts` are memories to begin with at marked rows.

        The learner shares one cut between its networks.
        """
        if structured.shape != (*done_mask.shape, self.core_dim):
            raise ValueError(f"structured must be {(*done_mask.shape, self.core_dim)}, got {tuple(structured.shape)}")
        if done_mask.dtype != torch.bool:
            raise ValueError(f"done_mask must be bool, got {done_mask.dtype}")
        joint = self._embed(cells, structured)  # (T, B, joint)
        features, new_state = self._remember(joint, state, done_mask.t(), restarts)
        features = features.transpose(0, 1).float()  # (B, T, width)
        with torch.autocast(features.device.type, enabled=False):  # actions differ by less than bfloat16 resolves
            advantage = self.advantage(features)  # (B, T, A)
            q = self.value(features) + advantage - advantage.mean(dim=-1, keepdim=True)
        return q, new_state, {"features": features}

    def _embed(self, cells: Tensor, structured: Tensor) -> Tensor:
        if cells.is_floating_point() and self.sizes.embed:
            pixels = self.encoder(cells.transpose(0, 1).flatten(0, 1)).unflatten(0, structured.shape[1::-1])
            return torch.cat([pixels, self.structured(structured.transpose(0, 1))], dim=-1)  # (T, B, joint)
        joint = self.structured(structured)  # (B, T, structured)
        if self.sizes.embed:
            planes = structured[..., self.plane_columns].unflatten(-1, (self.cell_planes, *GRID)).flatten(0, 1)
            pixels = self.encoder(cells.flatten(0, 1), planes).view(*structured.shape[:2], -1)  # (B, T, embed)
            joint = torch.cat([pixels, joint], dim=-1)  # (B, T, joint)
        return joint.transpose(0, 1).contiguous()

    def _remember(self, joint: Tensor, state: HierarchicalState, first: Tensor,
                  restarts: Restarts | None) -> tuple[Tensor, HierarchicalState]:
        segments = find_segments(first, restarts) if self.sizes.gru or self.sizes.lstm else None
        begun = state.replace(restarts.flat) if restarts else None  # (R, W)
        total = self.base(joint)  # (T, B, width)
        finals: list[Tensor] = []
        if self.sizes.gru:
            out, final = run_recurrent(self.gru, joint, [state.part("gru")], segments, first,
                                       [begun.part("gru")] if begun else None)
            total = total + self.gru_out(out)
            finals += final
        if self.sizes.lstm:
            total, final = self._lstm_level(total, state, segments, first, begun)
            finals += final
        if self.sizes.ssm:
            out, final = self.ssm(self.ssm_norm(total), state.part("ssm"), first, restarts,
                                  begun.part("ssm") if begun else None)
            total = total + self.ssm_out(out)
            finals.append(final)
        flat = torch.cat([f.float() for f in finals], dim=-1) if finals else state.flat
        return self.out_norm(total), state.replace(flat)

    def _lstm_level(self, total: Tensor, state: HierarchicalState, segments: Segments | None,
                    first: Tensor, begun: HierarchicalState | None) -> tuple[Tensor, list[Tensor]]:
        memory, restarted = (s and [s.part("lstm_h"), s.part("lstm_c")] for s in (state, begun))
        out, final = run_recurrent(self.lstm, self.lstm_norm(total), memory, segments, first, restarted)
        return total + self.lstm_out(out), final
