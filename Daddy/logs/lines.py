"""The two lines that a run repeats: one per log interval, one per episode."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

_BADGES = {
    "EVENT_BEAT_BROCK": "Boulder", "EVENT_BEAT_MISTY": "Cascade", "EVENT_BEAT_LT_SURGE": "Thunder",
    "EVENT_BEAT_ERIKA": "Rainbow", "EVENT_BEAT_KOGA": "Soul", "EVENT_BEAT_SABRINA": "Marsh",
    "EVENT_BEAT_BLAINE": "Volcano", "EVENT_BEAT_VIRIDIAN_GYM_GIOVANNI": "Earth",
}  # fmt: skip


def short_milestone(name: str) -> str:
    """``Boulder`` for the event of a badge, else ``GotStarter`` for ``EVENT_GOT_STARTER``."""
    return _BADGES.get(name) or camel_case(name.removeprefix("EVENT_"))


def camel_case(name: str) -> str:
    """``PewterGym`` for ``PEWTER_GYM``, ``CloverLane`` for ``Clover Lane``: one word, so that lines can be split."""
    words = name.replace("_", " ").split()
    shouted = [word.isupper() and word[0].isalpha() for word in words]
    return "".join(w.capitalize() if loud else w[0].upper() + w[1:] for w, loud in zip(words, shouted, strict=True))


def episode_line(row: Mapping[str, object], thetas: Sequence[tuple[str, float]] = ()) -> str:
    """The line of one row of ``episodes.csv``; ``thetas`` are (milestone, posterior mean) of what comes next."""
    reached = [short_milestone(name) for name in str(row["milestones_reached"]).split(";") if name]
    fields = [
        f"len={row['length_steps']}",
        f"R_env={row['return_env']:.1f}",
        f"R_total={row['return_total_with_intrinsic']:.1f}",
        f"badges={row['badges']}",
        f"map={camel_case(str(row['map']))}",
        f"savestate_tag={row['savestate_tag']}",
        *(f"theta_{short_milestone(name)}={mean:.2f}" for name, mean in thetas),
        f"tiles={row['tiles']}",
    ]
    if reached:
        fields.append(f"new={','.join(reached[-3:])}")
    return f"[EP {row['episode_id']} env={row['env_id']}] " + "  ".join(fields)


def interval_line(step: int, total: int, envs: int, scalars: Mapping[str, float]) -> str:
    """One human line of the interval's ``group/name`` scalars; a field without data yet shows ``-``."""

    def show(tag: str, digits: int) -> str:
        return f"{scalars[tag]:,.{digits}f}" if tag in scalars else "-"

    active = int(scalars.get("charts/active_envs", envs))
    speed = scalars.get("charts/SPS_now", 0.0)
    left = max(total - step, 0) / speed if speed > 0 else float("inf")
    return (
        f"[step {step:,}/{total:,}] SPS={show('charts/SPS', 0)} (now {show('charts/SPS_now', 0)}) "
        f"eps={show('charts/epsilon', 3)} avg_len={show('charts/episodic_length', 0)} "
        f"avg_env={show('charts/episodic_return_env', 2)} avg_total={show('charts/episodic_return_total', 2)} | "
        f"r_env={show('reward/env', 4)} "
        f"r_rnd={show('reward/rnd', 4)} r_novel={show('reward/novel', 4)} r_bayes={show('reward/bayes', 4)} "
        f"r_total={show('reward/total', 4)} | episodes={show('charts/episodes', 0)} "
        f"envs={envs if active == envs else f'{active}/{envs}'}{_curriculum(scalars)} "
        f"milestones={show('milestone/mean_per_episode', 1)} (best {show('milestone/best_recent', 0)}, "
        f"running {show('milestone/running_mean', 1)}) tiles={show('explore/tiles_mean', 0)} "
        f"loss={show('losses/td_loss', 4)} learned/collected={show('replay/ratio', 2)} | left {format_duration(left)}"
    )


def _curriculum(scalars: Mapping[str, float]) -> str:
    """`` spawn=early 45% mid 35% late 20%`` once episodes start from more than one place."""
    shares = [(tier, scalars.get(f"curriculum/{tier}_pct")) for tier in ("true", "early", "mid", "late")]
    known = [f"{tier} {share:.0f}%" for tier, share in shares if share is not None]
    return " spawn=" + " ".join(known) if known else ""


def format_duration(seconds: float) -> str:
    """``47s``, ``12m``, ``3h05m`` or ``2d04h``."""
    if seconds == float("inf"):
        return "?"
    if seconds < 60:
        return f"{seconds:.0f}s"
    minutes = int(seconds // 60)
    if minutes < 60:
        return f"{minutes}m"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02d}m" if hours < 48 else f"{hours // 24}d{hours % 24:02d}h"
