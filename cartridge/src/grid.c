/* The packed cells of maps: each row is a count, then that many bytes of 5 bits cell, 3 bits run length - 1. */
#include "grid.h"

#define ROW_BUFFER BYTES(0xC0A0, 96)

static u16 rowGrid, rowAt;
static u8 rowNumber, rowBank;

/* Finds a row; rows below the last one found are near. */
static void seek_row(u16 grid, u8 bank, u8 y)
{
    if (grid != rowGrid || bank != rowBank || y < rowNumber) {
        rowGrid = grid;
        rowBank = bank;
        rowAt = grid;
        rowNumber = 0;
    }
    while (rowNumber < y) {
        rowAt += far_read(rowAt, bank) + 1;
        rowNumber++;
    }
}

/* One cell of any map. */
u8 grid_cell(u16 grid, u8 bank, u8 x, u8 y)
{
    u8 v, n;
    u16 p;
    seek_row(grid, bank, y);
    p = rowAt;
    for (;;) {
        v = far_read(++p, bank);
        n = (v >> 5) + 1;
        if (x < n)
            return v & 31;
        x -= n;
    }
}

/* All cells of a map, row by row. */
void grid_unpack(u8 *to, u16 grid, u8 bank, u8 h)
{
    u8 n, v, run;
    const u8 *p;
    while (h--) {
        n = far_read(grid, bank);
        far_copy(ROW_BUFFER, grid + 1, bank, n);
        grid += n + 1;
        for (p = ROW_BUFFER; n; n--) {
            v = *p++;
            run = (v >> 5) + 1;
            v &= 31;
            do
                *to++ = v;
            while (--run);
        }
    }
}
