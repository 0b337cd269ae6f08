import os
import subprocess
import sys

from Daddy.puffer_shim.leftovers import sweep


def test_only_what_a_dead_process_made_is_removed(tmp_path):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    left, ours, other = (tmp_path / name for name in (f"pym-{gone.pid}-abc", f"pym-{os.getpid()}-abc", "sem.mp-abc"))
    for path in (left, ours, other):
        path.touch()
    assert sweep(tmp_path) == [left]
    assert ours.exists() and other.exists() and not left.exists()
    assert sweep(tmp_path / "missing") == []
