"""Upstream's eight reward classes: environments that differ in the weights of their terms (config.yaml, `rewards`)."""
from __future__ import annotations

from pokemonred_puffer.environment import RedGymEnv


class BaselineRewardEnv(RedGymEnv):
    """Events, badges, levels and exploration only."""

    REWARD_NAME = "baseline.BaselineRewardEnv"


class TeachCutReplicationEnv(RedGymEnv):
    """Upstream's weights for the first experiments on the way to CUT."""

    REWARD_NAME = "baseline.TeachCutReplicationEnv"


class TeachCutReplicationEnvFork(RedGymEnv):
    """As above, with a reward for teaching CUT."""

    REWARD_NAME = "baseline.TeachCutReplicationEnvFork"


class CutWithObjectRewardsEnv(RedGymEnv):
    """As above, with objects."""

    REWARD_NAME = "baseline.CutWithObjectRewardsEnv"


class CutWithObjectRewardRequiredEventsEnv(RedGymEnv):
    """Adds required events and items."""

    REWARD_NAME = "baseline.CutWithObjectRewardRequiredEventsEnv"


class ObjectRewardRequiredEventsEnvTilesetExploration(RedGymEnv):
    """Weighs exploration by tileset."""

    REWARD_NAME = "baseline.ObjectRewardRequiredEventsEnvTilesetExploration"


class ObjectRewardRequiredEventsMapIds(RedGymEnv):
    """Boosts exploration of maps whose story is open."""

    REWARD_NAME = "baseline.ObjectRewardRequiredEventsMapIds"


class ObjectRewardRequiredEventsMapIdsFieldMoves(RedGymEnv):
    """The default: as above with upstream's last swept weights."""

    REWARD_NAME = "baseline.ObjectRewardRequiredEventsMapIdsFieldMoves"
