"""An LSTM between a policy's encoder and its heads, with memory that a new episode does not inherit."""
from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

State = tuple[Tensor, Tensor]


class RecurrentPolicy(nn.Module):
    """`policy.encode_observations` -> LSTM -> `policy.decode_actions`. `forgetful` zeroes the memory at every step (the
    control of experiments on memory)."""

    def __init__(self, policy: nn.Module, hidden_size: int, forgetful: bool = False) -> None:
        super().__init__()
        self.policy, self.hidden_size, self.forgetful = policy, hidden_size, forgetful
        self.lstm = nn.LSTM(policy.width, hidden_size)
        for name, parameter in self.lstm.named_parameters():
            if "bias" in name:
                nn.init.zeros_(parameter)
            else:
                nn.init.orthogonal_(parameter, 1.0)

    def initial_state(self, count: int) -> State:
        """Zeros, twice (count, H)."""
        weight = next(self.lstm.parameters())
        return weight.new_zeros(count, self.hidden_size), weight.new_zeros(count, self.hidden_size)

    def forward(self, observations: Tensor, starts: Tensor, state: State) -> tuple[Tensor, Tensor, State]:
        """Logits (T, B, A), values (T, B) and the state after the last row.

        `observations` (T, B, ...) as the vector delivers them; `starts` (T, B) bool marks first rows of episodes, whose
        memory is empty; `state` is twice (B, H).
        """
        steps, count = starts.shape
        encoded = self.policy.encode_observations(observations.flatten(0, 1)).unflatten(0, (steps, count))
        starts = torch.ones_like(starts) if self.forgetful else starts
        cuts = [0, *(t for t in torch.nonzero(starts.any(1)).flatten().tolist() if t), steps]
        outputs, state = [], (state[0][None], state[1][None])  # nn.LSTM's (1, B, H)
        for begin, end in pairwise(cuts):
            keep = (~starts[begin]).to(encoded.dtype)[:, None]  # (B, 1)
            output, state = self.lstm(encoded[begin:end], (state[0] * keep, state[1] * keep))
            outputs.append(output)
        logits, values = self.policy.decode_actions(torch.cat(outputs).flatten(0, 1))
        return logits.unflatten(0, (steps, count)), values.view(steps, count), (state[0][0], state[1][0])
