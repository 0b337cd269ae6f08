"""pip puts this folder on PYTHONPATH while it builds pufferlib; see puffer_build.py."""

import puffer_build  # noqa: F401
