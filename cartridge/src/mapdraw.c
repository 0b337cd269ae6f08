/* Drawing cells into wTileMap and the background layer; scrolling by one cell. */
#include "map.h"

void cell_put(u8 *p, u8 cell);

static u8 originX, originY; /* background tile at the screen's corner, 0-31 */

static u16 bg_address(u8 x, u8 y)
{
    return MAP_BG + ((u16)(y & 31) << 5) + (x & 31);
}

static void fill_cell_row(u8 row)
{
    u8 i;
    s8 x = (s8)wXCoord - 4, y = (s8)wYCoord - 4 + (s8)row;
    u8 *p = wTileMap + (u16)row * (2 * SCREEN_W);
    for (i = 10; i; i--) {
        cell_put(p, cell_at(x, y));
        p += 2;
        x++;
    }
}

static void fill_cell_column(u8 col)
{
    u8 i;
    s8 x = (s8)wXCoord - 4 + (s8)col, y = (s8)wYCoord - 4;
    u8 *p = wTileMap + 2 * col;
    for (i = 9; i; i--) {
        cell_put(p, cell_at(x, y));
        p += 2 * SCREEN_W;
        y++;
    }
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
    u8 i;
    for (i = 0; i < SCREEN_H; i++) {
        vq_push(bg_address(x, originY + i), p, 2);
        p += SCREEN_W;
    }
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
