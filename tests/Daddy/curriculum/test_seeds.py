import hashlib
import json

import numpy as np
from curriculum_play import NAMES, Play
from savestate_files import PYBOY, ROM, files_of, fresh, put, state_of

from Daddy.curriculum.memory import read_memory


def test_savestates_of_another_run_are_taken_over_with_fresh_counts(tmp_path):
    donor = fresh(tmp_path / "donor")
    put(donor, 1, "EVENT_GOT_STARTER", memory=np.ones(4, np.float16), attempts=9, successes=3, alpha=4.0)
    put(donor, 2, "FOREIGN", rom_sha1="cd" * 20)
    put(donor, 3, "WITHOUT", memory=np.ones(4, np.float16))
    (tmp_path / "donor" / "WITHOUT_000003.safetensors").unlink()
    before = {path.name: path.read_bytes() for path in (tmp_path / "donor").iterdir()}
    play = Play(tmp_path / "s", source=tmp_path / "donor")
    (number, entry), (_, without) = play.curriculum.registry
    assert (without.milestone, without.memory) == ("WITHOUT", "")
    assert play.curriculum.registry.read(number) == state_of(1) and entry.name != "EVENT_GOT_STARTER_000001"
    assert (entry.attempts, entry.successes, entry.alpha) == (0, 0, 0.5)
    assert read_memory(tmp_path / "s", entry, 4).tolist() == [1.0] * 4
    assert any("FOREIGN_000002.state" in text and "ROM" in text for _, text in play.told)
    assert {path.name: path.read_bytes() for path in (tmp_path / "donor").iterdir()} == before
    again = Play(tmp_path / "s", source=tmp_path / "donor")
    assert files_of(again.curriculum.registry) == files_of(play.curriculum.registry), "once is enough"


def test_states_of_the_walkthrough_are_taken_over(tmp_path):
    rows = []
    for number, name in enumerate(["BEDROOM", NAMES[0], NAMES[1], "EVENT_BEAT_MISTY"]):
        (tmp_path / f"{number:02d}_{name}.state").write_bytes(state_of(number))
        digest = hashlib.sha256(state_of(number)).hexdigest()
        rows.append({"file": f"{number:02d}_{name}.state", "milestone": name, "actions": 9 * number, "map": 3,
                     "sha256": digest, "rom_sha1": ROM, "pyboy": PYBOY})  # fmt: skip
    rows[2]["sha256"] = "0" * 64
    rows += [None, {"milestone": NAMES[2], "file": "../../x.state"}]
    (tmp_path / "manifest.json").write_text(json.dumps({"states": rows}))
    play = Play(tmp_path / "s", source=tmp_path)
    found = {entry.milestone: (entry.tier, entry.owned) for _, entry in play.curriculum.registry}
    assert found == {NAMES[0]: ("early", NAMES[:1]), "EVENT_BEAT_MISTY": ("mid", [*NAMES[:2], "EVENT_BEAT_MISTY"])}
    assert any(f"02_{NAMES[1]}.state" in text and "damaged" in text for _, text in play.told)
