/* The packed cells of maps. */
#ifndef GRID_H
#define GRID_H
#include "ram.h"

/* Fills the buffer with all cells of a map, row by row (crt0.s). */
void grid_unpack(u8 *to, u16 grid, u8 bank, u8 h) OLD;
u8 grid_cell(u16 grid, u8 bank, u8 x, u8 y);
#endif
