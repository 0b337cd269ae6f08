"""A Gymnasium environment for Pokémon Red and for the free cartridge that ships with this repository."""
import contextlib

with contextlib.suppress(ImportError):
    # The old gym package, which gymnasium's plugin loader imports where it is installed, prints an advert otherwise.
    from gym_notices import notices

    notices.notices.clear()
