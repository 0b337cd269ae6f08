import time

from Daddy.logs.machine import Machine


def test_busy_time_memory_and_room_are_measured(tmp_path):
    machine = Machine(tmp_path)
    until = time.process_time() + 0.2
    while time.process_time() < until:
        pass
    busy = machine.scalars()
    time.sleep(0.2)
    idle = machine.scalars()
    assert busy["sys/cpu_pct"] > idle["sys/cpu_pct"] + 5
    assert 0.01 < busy["sys/rss_gib"] < 1000 and busy["sys/disk_free_gib"] > 0
