"""Game tables: the numbers and names that the disassembly (pret/pokered) gives to flags, maps, items and species."""
