"""One update of recurrent double Q-learning from a batch of replayed sequences."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from Daddy.errors import DaddyError, UsageError
from Daddy.first_layer import distinct_stacks
from Daddy.frames import expand_cells, pack_cells, stack_cells
from Daddy.networks import HierarchicalQNetwork, core_inputs
from Daddy.nstep import nstep_targets
from Daddy.replay_buffer import ReplayBatch, ReplaySpec
from Daddy.state import HierarchicalState, Restarts

_RESCALE_EPS = 1e-3
PRECISIONS = ("auto", "float32", "bfloat16")


def resolve_precision(wanted: str, device: torch.device) -> str:
    """float32 or bfloat16 for a device; auto takes bfloat16 where the hardware multiplies in it (1.4x on a Zen 4).

    Raises:
        UsageError: an unknown name.
    """
    if wanted not in PRECISIONS:
        raise UsageError(f"--precision is {wanted!r}; choose from {', '.join(PRECISIONS)}")
    if wanted != "auto":
        return wanted
    if device.type == "cuda":
        return "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float32"
    return "bfloat16" if torch.cpu.get_capabilities().get("avx512_bf16", False) else "float32"


def rescale(x: Tensor) -> Tensor:
    """h(x) = sign(x)(sqrt(|x|+1)-1) + eps x: compresses returns of any size so that one Huber threshold fits."""
    return torch.sign(x) * (torch.sqrt(torch.abs(x) + 1.0) - 1.0) + _RESCALE_EPS * x


def unrescale(y: Tensor) -> Tensor:
    """The inverse of `rescale`."""
    root = torch.sqrt(1.0 + 4.0 * _RESCALE_EPS * (torch.abs(y) + 1.0 + _RESCALE_EPS))
    return torch.sign(y) * (((root - 1.0) / (2.0 * _RESCALE_EPS)) ** 2 - 1.0)


@dataclass(frozen=True)
class LearnerConfig:
    """Settings of the update.

    `core_lr_scale` multiplies lr for GRU, LSTM and SSM; `target_update` counts updates; losses are means, so that
    `grad_clip` does not depend on the batch size; `action_gap` is alpha of advantage learning, 0 for none; `precision`
    is one of PRECISIONS: bfloat16 multiplies encoder and cores in bfloat16 and keeps weights, scan, head and targets in
    float32.
    """

    gamma: float = 0.997
    lr: float = 3e-4
    core_lr_scale: float = 1.0
    adam_eps: float = 1e-5
    weight_decay: float = 0.0
    grad_clip: float = 10.0
    huber_delta: float = 10.0
    target_update: int = 400
    double_q: bool = True
    action_gap: float = 0.0
    value_rescale: bool = True
    importance_weights: bool = True
    precision: str = "float32"


@dataclass(frozen=True)
class UpdateResult:
    """metrics by tag; td_max, td_mean float64 (B,): absolute TD errors per sequence; learned: count of transitions."""

    metrics: dict[str, float]
    td_max: np.ndarray
    td_mean: np.ndarray
    learned: int


@dataclass(frozen=True)
class Inputs:
    """A batch on the learner's device; L = burn_in + seq_len + n_step rows."""

    packed: Tensor  # uint8 (B, K-1+L, 9, 10, 16), cells with the frames before the first row; empty without a screen
    shown_first: Tensor  # bool (B, K-1+L)
    core: Tensor  # float (B, L, core_dim)
    first: Tensor  # bool (B, L)
    state: HierarchicalState  # (B, W), before row 0
    action: Tensor  # int64 (B, S)
    returns: Tensor  # float (B, S)
    discount: Tensor  # float (B, S)
    bootstrap: Tensor  # int64 (B, S), row counted from the end of the burn-in
    valid: Tensor  # float (B, S)
    weights: Tensor  # float (B, 1)
    restarts: Restarts | None = None

    @cached_property
    def cells(self) -> Tensor:
        """Stacks of cells uint8 (B, L, 9, 10, K*64)."""
        if not self.packed.numel():
            return self.packed
        depth = self.packed.shape[1] - self.first.shape[1] + 1
        return stack_cells(expand_cells(self.packed), self.shown_first, depth)


def _laid_out_like(parameter: Tensor, value: Tensor) -> Tensor:
    """A copy of an optimizer value in its parameter's memory layout, which the fused optimizer takes for granted."""
    if value.shape != parameter.shape:
        return value.clone().to(parameter.device)
    return torch.empty_like(parameter, requires_grad=False).copy_(value)


class Learner:
    """Owns the online and the target network and the optimizer."""

    def __init__(self, config: LearnerConfig, spec: ReplaySpec, online: HierarchicalQNetwork, device: torch.device):
        self.config, self.spec, self.device = config, spec, device
        self.precision = resolve_precision(config.precision, device)
        self.online = online.to(device)
        self.target = copy.deepcopy(self.online).requires_grad_(False).to(device)
        self.updates = 0
        self._sees_once = device.type == "cpu" and self.online.sizes.embed > 0
        cores = {id(p) for p in self.online.core_parameters()}
        groups = [
            {"params": [p for p in self.online.parameters() if id(p) not in cores], "lr": config.lr},
            {"params": self.online.core_parameters(), "lr": config.lr * config.core_lr_scale, "weight_decay": 0.0},
        ]
        groups = [{**group, "initial_lr": group["lr"]} for group in groups if group["params"]]
        self.optimizer = torch.optim.AdamW(groups, eps=config.adam_eps, weight_decay=config.weight_decay, fused=True)

    def set_lr_left(self, left: float) -> None:
        """Learn at this share of the configured learning rates."""
        for group in self.optimizer.param_groups:
            group["lr"] = group["initial_lr"] * left

    def update(self, batch: ReplayBatch) -> UpdateResult:
        """Learn once from a sampled batch.

        Raises:
            DaddyError: the loss or its gradient is no longer finite.
        """
        inputs = self.prepare(batch)
        q, target_q = self._unroll(inputs)  # (B, S+n, A) each
        target = self._targets(inputs, q.detach(), target_q)  # (B, S)
        chosen = q[:, : self.spec.seq_len].gather(2, inputs.action[..., None])[..., 0]  # (B, S)
        error = target - chosen
        loss_rows = F.huber_loss(chosen, target, reduction="none", delta=self.config.huber_delta)
        count = inputs.valid.sum().clamp(min=1.0)
        loss = (loss_rows * inputs.valid * inputs.weights).sum() / count
        self._backward(loss)
        grad_norm = self._optimize()
        return self._report(inputs, q.detach(), target, error.detach().abs() * inputs.valid, loss, grad_norm)

    def prepare(self, batch: ReplayBatch) -> Inputs:
        """Put a batch on the device, cut and stacked as the network wants it, with its n-step plan."""
        spec = self.spec
        lead, burn = spec.lead, spec.burn_in
        learned = slice(lead + burn, lead + burn + spec.seq_len)
        plan = nstep_targets(batch.reward, batch.is_first, batch.is_last, batch.terminated, lead + burn, spec.seq_len,
                             spec.n_step, self.config.gamma)
        first = self._tensor(batch.is_first)
        oldest = lead - (spec.frame_stack - 1)
        action = self._tensor(batch.action.astype(np.int64))
        core = core_inputs(self._tensor(batch.structured)[:, lead:], action[:, lead - 1 : -1],
                           self._tensor(batch.reward)[:, lead:], first[:, lead:], self.online.num_actions)
        weights = batch.weights if self.config.importance_weights else np.ones_like(batch.weights)
        return Inputs(
            packed=self._packed(batch.screen[:, oldest:]), shown_first=first[:, oldest:], core=core,
            first=first[:, lead:],
            state=HierarchicalState(self._tensor(batch.state).float(), self.online.state_sizes),
            action=action[:, learned], returns=self._tensor(plan.returns), discount=self._tensor(plan.discount),
            bootstrap=self._tensor(plan.bootstrap - lead - burn), valid=self._tensor(plan.valid.astype(np.float32)),
            weights=self._tensor(weights)[:, None], restarts=self._restarts(batch),
        )  # fmt: skip

    def _restarts(self, batch: ReplayBatch) -> Restarts | None:
        """Memories that episodes in the batch began with; rows before the sequences need none."""
        if batch.begun is None:
            return None
        at, memories = batch.begun
        used = at[:, 1] >= self.spec.lead
        if not used.any():
            return None
        flat = self._tensor(memories[used].astype(np.float32))
        return Restarts(self._tensor(at[used, 1] - self.spec.lead), self._tensor(at[used, 0]), flat)

    def _packed(self, screen: np.ndarray) -> Tensor:
        if not self.online.sizes.embed:
            return torch.empty(len(screen), 0)
        return pack_cells(self._tensor(screen).contiguous())

    def _tensor(self, array: np.ndarray) -> Tensor:
        return torch.from_numpy(array).to(self.device, non_blocking=True)

    def _unroll(self, inputs: Inputs) -> tuple[Tensor, Tensor]:
        """Online and target Q of the rows after the burn-in, which warms both memories from the stored state.

        Only the learned rows build a graph: of the n rows after them the targets want no more than values.
        """
        burn, end = self.spec.burn_in, self.spec.burn_in + self.spec.seq_len
        state = inputs.state
        # No cache: it is the process's, and acting, on another thread, clears it at times that depend on the machine.
        with torch.autocast(self.device.type, torch.bfloat16, self.precision == "bfloat16", cache_enabled=False):
            target_seen, before, learned, after = self._seen(inputs)
            with torch.no_grad():
                target_q, _ = self._run(self.target, target_seen, inputs, 0, state)
                if burn:
                    _, state = self._run(self.online, before, inputs, 0, state)
            q, state = self._run(self.online, learned, inputs, burn, state)
            if after.shape[1]:
                with torch.no_grad():
                    tail, _ = self._run(self.online, after, inputs, end, state.detach())
                q = torch.cat([q, tail], dim=1)
        return q, target_q[:, burn:]

    def _run(self, network: HierarchicalQNetwork, seen: Tensor, inputs: Inputs, begin: int,
             state: HierarchicalState) -> tuple[Tensor, HierarchicalState]:
        """Q of the rows from `begin` on that `seen` holds, and the state after them."""
        rows = slice(begin, begin + seen.shape[1])
        restarts = inputs.restarts and inputs.restarts.between(rows.start, rows.stop)
        q, state, _ = network.forward_cells(seen, inputs.core[:, rows], state, inputs.first[:, rows], restarts)
        return q, state

    def _seen(self, inputs: Inputs) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """What `forward_cells` sees of the screens: of the target network all rows, of the online one the burn-in's,
        the learned and the last ones."""
        burn, end = self.spec.burn_in, self.spec.burn_in + self.spec.seq_len
        if not self._sees_once:
            cells = inputs.cells if inputs.packed.numel() else inputs.core[..., :0]
            return cells, cells[:, :burn], cells[:, burn:end], cells[:, end:]
        planes = inputs.core[..., self.online.plane_columns]
        stacks = distinct_stacks(inputs.packed, inputs.shown_first, self.spec.frame_stack, planes)
        fast = torch.bfloat16 if self.precision == "bfloat16" else torch.float32
        rows = inputs.first.shape[1]
        online = stacks.through(self.online.encoder)
        with torch.no_grad():
            target = stacks.spread(stacks.through(self.target.encoder), 0, rows, fast)
            before, after = stacks.spread(online, 0, burn, fast), stacks.spread(online, end, rows, fast)
        return target, before, stacks.spread(online, burn, end, fast), after

    def _targets(self, inputs: Inputs, q: Tensor, target_q: Tensor) -> Tensor:
        """Double Q targets, less what advantage learning takes from actions other than the best.

        y = R_n + gamma^n Q'(s_n, argmax Q) - alpha min(max Q'(s) - Q'(s, a), 1), Q' being the target network: the
        second operator of Bellemare et al. 2016 (arXiv 1512.04860) with a bound. Where rewards are dense and small
        the best action is better by 1 - gamma of the value only, which a network does not resolve.
        """
        if self.config.value_rescale:
            target_q = unrescale(target_q)
        rows = inputs.bootstrap[..., None].expand(-1, -1, q.shape[-1])  # (B, S, A)
        selector = q if self.config.double_q else target_q
        best = selector.gather(1, rows).argmax(dim=-1, keepdim=True)  # (B, S, 1)
        value = target_q.gather(1, rows).gather(2, best)[..., 0]  # (B, S)
        target = inputs.returns + inputs.discount * value
        if self.config.action_gap:
            now = target_q[:, : self.spec.seq_len]  # (B, S, A)
            gap = now.max(dim=-1).values - now.gather(2, inputs.action[..., None])[..., 0]  # (B, S)
            target = target - self.config.action_gap * gap.clamp(max=1.0)
        return rescale(target) if self.config.value_rescale else target

    def _backward(self, loss: Tensor) -> None:
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()

    def _optimize(self) -> Tensor:
        grad_norm = torch.nn.utils.clip_grad_norm_(self.online.parameters(), self.config.grad_clip)
        if not torch.isfinite(grad_norm):
            raise DaddyError(f"the loss is no longer finite at update {self.updates}; resume with a lower --lr")
        self.optimizer.step()
        self.updates += 1
        if self.updates % self.config.target_update == 0:
            self.target.load_state_dict(self.online.state_dict())
        return grad_norm

    def _report(self, inputs: Inputs, q: Tensor, target: Tensor, error: Tensor, loss: Tensor,
                grad_norm: Tensor) -> UpdateResult:
        valid, count = inputs.valid, inputs.valid.sum().clamp(min=1.0)
        per_sequence = valid.sum(dim=1).clamp(min=1.0)
        best = q[:, : self.spec.seq_len].max(dim=-1).values
        numbers = torch.stack([
            loss.detach(), error.sum() / count, (best * valid).sum() / count, q.max(), (target * valid).sum() / count,
            grad_norm, valid.sum(),
        ]).tolist()  # fmt: skip
        tags = ("td_loss", "td_abs_mean", "q_mean", "q_max", "target_q_mean", "grad_norm")
        metrics = {f"losses/{tag}": value for tag, value in zip(tags, numbers[:-1], strict=True)}
        td_max = error.max(dim=1).values.double().cpu().numpy()
        td_mean = (error.sum(dim=1) / per_sequence).double().cpu().numpy()
        return UpdateResult(metrics, td_max, td_mean, int(numbers[-1]))

    def state_dict(self) -> dict[str, Any]:
        """Networks, optimizer moments by parameter name, and the update count."""
        moments: dict[str, dict[str, Tensor]] = {}
        for name, parameter in self.online.named_parameters():
            moments[name] = dict(self.optimizer.state.get(parameter, {}))
        return {"online": dict(self.online.state_dict()), "target": dict(self.target.state_dict()), "moments": moments,
                "updates": self.updates}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what `state_dict` gave; a network of other sizes is refused.

        Raises:
            DaddyError: names or shapes differ.
        """
        try:
            self.online.load_state_dict(state["online"])
            self.target.load_state_dict(state["target"])
        except RuntimeError as error:
            raise DaddyError(f"the saved network is not this one; use the saved run's --model-size: {error}") from None
        for name, parameter in self.online.named_parameters():
            saved = state["moments"].get(name, {})
            self.optimizer.state[parameter] = {key: _laid_out_like(parameter, value) for key, value in saved.items()}
        self.updates = int(state["updates"])
