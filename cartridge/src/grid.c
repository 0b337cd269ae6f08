/* The packed cells of maps: each row is a count, then that many bytes of 5 bits cell, 3 bits run length - 1. */
#include "grid.h"

static u16 rowGrid, rowAt, runAt;
static u8 rowNumber, rowBank, runX;

/* Finds a row; rows below the last one found are near. */
static void seek_row(u16 grid, u8 bank, u8 y)
{
    if (grid == rowGrid && bank == rowBank && y == rowNumber)
        return;
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
    runAt = rowAt + 1;
    runX = 0;
}

/* One cell of any map; cells to the right of the last one asked for are near. */
u8 grid_cell(u16 grid, u8 bank, u8 x, u8 y)
{
    u8 v, end;
    seek_row(grid, bank, y);
    if (x < runX) {
        runAt = rowAt + 1;
        runX = 0;
    }
    for (;;) {
        v = far_read(runAt, bank);
        end = runX + (v >> 5) + 1;
        if (x < end)
            return v & 31;
        runX = end;
        runAt++;
    }
}
