"""Records positions for live maps: to a local file; over the network only when a URL is configured."""
from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import gymnasium

from pokemonred_puffer.errors import ConfigError
from pokemonred_puffer.wrappers.settings import settings_of

UPLOAD_INTERVAL = 500
_TIMEOUT = 5.0


class StreamWrapper(gymnasium.Wrapper):
    """Every 500 steps appends one JSON line {"metadata": {...}, "coords": [[x, y, map], ...]}.

    Settings: `user` (a label), `output_dir` (file stream_<env_id>.jsonl there), `url` (a websocket address, default
    null: nothing leaves this machine). A failing upload warns once and never stops the run.
    """

    def __init__(self, env: gymnasium.Env, config: dict[str, Any] | None = None) -> None:
        super().__init__(env)
        defaults = {"user": "anonymous", "output_dir": "runs/stream", "url": None}
        settings = settings_of("StreamWrapper", config, defaults)
        self.user, self.url = settings["user"], settings["url"]
        self.path = Path(settings["output_dir"]) / f"stream_{self.unwrapped.env_id}.jsonl"
        self._coords: list[tuple[int, int, int]] = []
        self._connect = _websocket_connect() if self.url else None
        self._connection: Any = None

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict]:
        """Steps and notes the position."""
        result = self.env.step(action)
        now = self.unwrapped.telemetry()
        self._coords.append((now.x, now.y, now.map_id))
        if len(self._coords) >= UPLOAD_INTERVAL:
            self.flush()
        return result

    def close(self) -> None:
        """Writes what is left and closes."""
        self.flush()
        if self._connection is not None:
            self._connection.close()
        self.env.close()

    def flush(self) -> None:
        """Writes the collected positions (and sends them, when a URL is set)."""
        if not self._coords:
            return
        metadata = {"user": self.user, "env_id": self.unwrapped.env_id}
        line = json.dumps({"metadata": metadata, "coords": self._coords})
        self._coords = []
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
        if self._connect is not None:
            self._send(line)

    def _send(self, line: str) -> None:
        try:
            if self._connection is None:
                self._connection = self._connect(self.url, open_timeout=_TIMEOUT)
            self._connection.send(line)
        except Exception as error:  # the network may fail in any way, and training goes on
            warnings.warn(f"stream to {self.url} failed ({error}); going on without it", stacklevel=2)
            self._connect = self._connection = None


def _websocket_connect():
    try:
        from websockets.sync.client import connect
    except ImportError as error:
        raise ConfigError("StreamWrapper: url needs the package websockets: pip install websockets") from error
    return connect
