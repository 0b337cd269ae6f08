"""The baseline stays as it is: any changed, added or removed file of Final/epsilon fails here."""

import hashlib
import shutil
from pathlib import Path

FOLDER = Path(__file__).parents[3] / "Final" / "epsilon"


def differences(folder: Path) -> list[str]:
    """Names of the files that are not as the folder's manifest says."""
    manifest = folder / "MANIFEST.sha256"
    listed = {name: digest for digest, name in (line.split("  ", 1) for line in manifest.read_text().splitlines())}
    paths = [p for p in folder.rglob("*") if p.is_file() and p != manifest and "__pycache__" not in p.parts]
    found = {f"./{p.relative_to(folder).as_posix()}": hashlib.sha256(p.read_bytes()).hexdigest() for p in paths}
    return sorted(name for name in listed | found if listed.get(name) != found.get(name))


def test_no_byte_of_the_baseline_has_changed():
    assert differences(FOLDER) == [], "Final/epsilon is frozen: undo the change and put it elsewhere (see its README)"


def test_the_manifest_is_complete():
    listed = (FOLDER / "MANIFEST.sha256").read_text()
    assert all(f"  ./{name}\n" in listed for name in ("agent.py", "epsilon_env.py", "replay.py", "README.md"))


def test_a_change_an_addition_and_a_removal_are_noticed(tmp_path):
    copy = tmp_path / "epsilon"
    shutil.copytree(FOLDER, copy, ignore=shutil.ignore_patterns("__pycache__"))
    before = set(differences(copy))
    content = bytearray((copy / "agent.py").read_bytes())
    content[100] ^= 1
    (copy / "agent.py").write_bytes(content)
    (copy / "more").mkdir()
    (copy / "more" / "new.py").write_text("")
    (copy / "replay.py").unlink()
    (copy / "__pycache__").mkdir()
    (copy / "__pycache__" / "agent.pyc").write_text("")
    assert set(differences(copy)) - before == {"./agent.py", "./more/new.py", "./replay.py"}
