"""The older flat value agent, kept as a baseline; see README.md beside this file."""

import pokemonred_puffer  # noqa: F401  before gymnasium: it silences an advert of the old gym package
