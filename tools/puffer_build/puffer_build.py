"""Makes the unmodified pufferlib 3.0.0 source build as pure Python: no compiler, no CUDA, no download.

Runs at interpreter start of the build only (pip: as ``sitecustomize`` on PYTHONPATH; uv: by ``puffer_build.pth``) and
does nothing unless ``NO_OCEAN=1``, the switch that leaves out pufferlib's own C games. With that switch its setup.py
reads ``c_extension_paths`` without having set it, and looks for nvcc to choose a CUDA build.
"""

import builtins
import os
import shutil


def _hide_nvcc(which):
    def wrapped(command, *args, **kwargs):
        return None if command == "nvcc" else which(command, *args, **kwargs)

    return wrapped


if os.environ.get("NO_OCEAN") == "1":
    builtins.c_extension_paths = []
    shutil.which = _hide_nvcc(shutil.which)
