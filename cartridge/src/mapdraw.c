/* Drawing cells into wTileMap and the background layer; scrolling by one cell. */
#include "map.h"

#define NEXT_RIGHT ((u16)-19)
#define NEXT_DOWN 19

static u8 line[10];
static u8 originX, originY; /* background tile at the screen's corner, 0-31 */

static u16 bg_address(u8 x, u8 y)
{
    return MAP_BG + ((u16)(y & 31) << 5) + (x & 31);
}

static const u8 *grid_at(s8 x, s8 y)
{
    return gridBuffer + (s16)y * head.w + x; /* a row above the map is one step away from row 0 */
}

static u8 *beyond(u8 *b, u8 x, u8 y, u8 n)
{
    for (; n; n--)
        *b++ = cell_beyond((s8)x++, (s8)y);
    return b;
}

/* Collects the ten cells of a row: left of the map, in it, right of it. */
static void collect_row(u8 x, u8 y)
{
    u8 n, left = 10;
    u8 *b = line;
    if (y >= head.h) {
        beyond(b, x, y, 10);
        return;
    }
    if (x & 0x80) {
        n = -x;
        b = beyond(b, x, y, n);
        left -= n;
        x = 0;
    }
    n = x < head.w ? head.w - x : 0;
    if (n > left)
        n = left;
    if (n)
        shift_tiles(b, grid_at((s8)x, (s8)y), n);
    beyond(b + n, x + n, y, left - n);
}

static void fill_cell_row(u8 row)
{
    collect_row(wXCoord - 4, wYCoord - 4 + row);
    put_cells(wTileMap + (u16)row * (2 * SCREEN_W), line, 10, NEXT_RIGHT);
}

static void fill_cell_column(u8 col)
{
    u8 i, w = head.w;
    u8 x = wXCoord - 4 + col, y = wYCoord - 4;
    const u8 *g = grid_at((s8)x, (s8)y);
    u8 *b = line;
    u8 inside = x < w;
    for (i = 9; i; i--) {
        *b++ = inside && y < head.h ? *g : cell_beyond((s8)x, (s8)y);
        y++;
        g += w;
    }
    put_cells(wTileMap + 2 * col, line, 9, NEXT_DOWN);
}

void map_fill_tilemap(void)
{
    u8 i;
    for (i = 0; i < 9; i++)
        fill_cell_row(i);
}

void map_draw_all(void)
{
    u8 i;
    const u8 *p = wTileMap;
    map_fill_tilemap();
    originX = 0;
    originY = 0;
    scrollX = 0;
    scrollY = 0;
    for (i = 0; i < SCREEN_H; i++) {
        far_vram(bg_address(0, i), (u16)p, NEAR, SCREEN_W);
        p += SCREEN_W;
    }
}

static void push_row(u8 y, const u8 *p)
{
    u8 n = 32 - (originX & 31);
    if (n >= SCREEN_W) {
        vq_push(bg_address(originX, y), p, SCREEN_W);
        return;
    }
    vq_push(bg_address(originX, y), p, n);
    vq_push(bg_address(0, y), p + n, SCREEN_W - n);
}

static void push_column(u8 x, const u8 *p)
{
    if (vqLen)
        wait_frame();
    vqLock = 1;
    column_to_queue(bg_address(x, originY), p);
    vqLen = 5 * SCREEN_H;
    vqLock = 0;
}

/* wXCoord/wYCoord are already the new ones; wTileMap still shows the old place. */
void map_scroll(u8 facing)
{
    switch (facing) {
    case FACE_DOWN:
        originY += 2;
        shift_tiles(wTileMap, wTileMap + 40, 320);
        fill_cell_row(8);
        push_row(originY + 16, wTileMap + 320);
        push_row(originY + 17, wTileMap + 340);
        break;
    case FACE_UP:
        originY -= 2;
        shift_tiles_back(wTileMap + 359, wTileMap + 319, 320);
        fill_cell_row(0);
        push_row(originY, wTileMap);
        push_row(originY + 1, wTileMap + 20);
        break;
    case FACE_RIGHT:
        originX += 2;
        shift_tiles(wTileMap, wTileMap + 2, 358);
        fill_cell_column(9);
        push_column(originX + 18, wTileMap + 18);
        break;
    default:
        originX -= 2;
        shift_tiles_back(wTileMap + 359, wTileMap + 357, 358);
        fill_cell_column(0);
        push_column(originX, wTileMap);
    }
}
