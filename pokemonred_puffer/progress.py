"""Milestones and required counts of the running game, decoded again only when the flags, badges or bag changed."""
from __future__ import annotations

import numpy as np

from pokemonred_puffer.data.events import EVENTS, EXTRA_EVENTS, REQUIRED_EVENTS, REQUIRED_MASK
from pokemonred_puffer.data.items import REQUIRED_ITEMS, Items
from pokemonred_puffer.data.milestones import MILESTONE_BYTES, pack_milestones
from pokemonred_puffer.ram_map import Snapshot, event_bit, item_groups


class Progress:
    """How far the game is.

    `required_count` = required events (61 + 4 extras) + required items in the bag now: upstream's figure, which falls
    when an item is handed in; `max_required_count` is its maximum of the episode. `milestones` is (16,) uint8, the
    packed MILESTONES reached so far in this episode (a bit stays set when the game clears the flag later).
    """

    def __init__(self) -> None:
        self.milestones = np.zeros(MILESTONE_BYTES, np.uint8)
        self.start_episode()

    def start_episode(self) -> None:
        """Forgets the episode's maxima."""
        self.milestones[:] = 0
        self.max_required_count = 0
        self.events = self.event_bits = self.required_events = self.extras = self.badges = 0
        self.required_items = self.useful_items = self.hm_items = 0
        self._late = self._bag = b""
        self._small = (-1, -1)

    def update(self, snapshot: Snapshot) -> bool:
        """Takes in a snapshot; True when flags, badges, extras or the bag differ from the last one."""
        small = (snapshot.badges, snapshot.extras)
        bag = snapshot.bag_raw
        story = snapshot.late != self._late or small != self._small
        if story:
            self._late, self._small = snapshot.late, small
            self._decode_story(snapshot)
        if bag != self._bag:
            self._bag = bag
            self.required_items, self.useful_items, self.hm_items = item_groups(snapshot.bag[0])
        elif not story:
            return False
        self.max_required_count = max(self.max_required_count, self.required_count)
        return True

    def _decode_story(self, snapshot: Snapshot) -> None:
        self.badges, self.extras = self._small
        self.event_bits = int.from_bytes(snapshot.events, "little")
        self.required_events = (self.event_bits & REQUIRED_MASK).bit_count() + self.extras.bit_count()
        self.milestones |= pack_milestones(snapshot.events, self.badges, self.extras)

    @property
    def required_count(self) -> int:
        return self.required_events + self.required_items


def milestone_tuple(snapshot: Snapshot) -> tuple[str, ...]:
    """Sorted names of the required events, extras and required items that hold now: upstream's key for states."""
    flags, extras, bag = snapshot.events, snapshot.extras, set(snapshot.bag[0])
    names = [name for name in REQUIRED_EVENTS if event_bit(flags, EVENTS[name])]
    names += [name for i, name in enumerate(EXTRA_EVENTS) if extras >> i & 1]
    names += [Items(item).name for item in REQUIRED_ITEMS if item in bag]
    return tuple(sorted(names))
