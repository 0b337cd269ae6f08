"""A Gymnasium environment for Pokémon Red and for the free cartridge that ships with this repository."""
