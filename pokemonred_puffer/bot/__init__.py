"""A scripted player of the cartridge: it reads memory, plans on world.json and records the keys it presses."""
