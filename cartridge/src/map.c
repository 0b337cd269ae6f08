/* Loading maps and looking at their cells. */
#include "map.h"
#include "gen_data.h"
#include "grid.h"
#include "objects.h"
#include "script.h"

#define FRAMES_ENTER 20
#define FRAMES_CROSS 6

MapHead head;
u8 mapBank;
static u8 tilesetLoaded; /* tileset in video memory + 1 */
const u8 *cellTable; /* records of 5 bytes: four tiles and the behaviour */

s8 dir_dx(u8 facing)
{
    if (facing == FACE_LEFT)
        return -1;
    return facing == FACE_RIGHT;
}

s8 dir_dy(u8 facing)
{
    if (facing == FACE_UP)
        return -1;
    return facing == FACE_DOWN;
}

/* Something else overwrote the tiles. */
void tileset_forget(void)
{
    tilesetLoaded = 0;
}

static void load_tileset(void)
{
    const Tileset *t = &tilesets[head.tileset];
    cellTable = t->cells;
    if (tilesetLoaded == head.tileset + 1)
        return;
    tilesetLoaded = head.tileset + 1;
    far_unpack(TILES_BG, t->tiles, t->bank, t->size);
}

/* Red's warp table: y, x, number, map for each warp. */
static void publish_warps(void)
{
    u8 i;
    Warp w;
    u8 *p = wWarpEntries;
    wNumberOfWarps = head.nWarps;
    wNumSigns = head.nSigns;
    wDestinationWarpID = 0xFF;
    for (i = 0; i < head.nWarps; i++) {
        far_copy(&w, head.warps + i * sizeof(Warp), mapBank, sizeof(Warp));
        *p++ = w.y;
        *p++ = w.x;
        *p++ = i;
        *p++ = w.map;
    }
}

/* Reads a map's header only. */
void map_head(u8 id)
{
    const MapIndex *m = mapIndex;
    while (m->id != id)
        m++;
    mapBank = m->bank;
    far_copy(&head, m->addr, mapBank, sizeof(MapHead));
}

/* Makes a map current with the player at a place in it; does not draw. */
static void map_load(u8 id, u8 x, u8 y)
{
    map_head(id);
    grid_unpack(gridBuffer, head.grid, mapBank, head.h);
    if (head.outdoor)
        wLastMap = id;
    wCurMap = id;
    wXCoord = x;
    wYCoord = y;
    wCurMapTileset = head.tilesetId;
    wCurMapWidth = head.w >> 1;
    wCurMapHeight = head.h >> 1;
    publish_warps();
}

static void enter_common(void)
{
    load_tileset();
    objects_load();
    map_draw_all();
    objects_draw();
}

/* Blanks the picture, goes to a place, shows it. */
void map_enter(u8 id, u8 x, u8 y)
{
    palette_off();
    load_begin();
    map_load(id, x, y);
    enter_common();
    load_end(FRAMES_ENTER);
    palette_on();
    script_onload();
}

/* The new map becomes current, the picture stays: the caller scrolls the last step. */
void map_cross(u8 id, u8 x, u8 y)
{
    load_begin();
    map_load(id, x, y);
    objects_load();
    load_end(FRAMES_CROSS);
}

/* Puts the map back on the screen after something else used video memory. */
void map_restore(void)
{
    palette_off();
    load_begin();
    tileset_forget();
    winY = WIN_OFF;
    enter_common();
    load_end(FRAMES_ENTER);
    palette_on();
}

/* The neighbour's cell or the border. */
u8 cell_beyond(s8 x, s8 y)
{
    const Connection *c;
    if (!head.outdoor)
        return head.border;
    if (y < 0)
        c = &head.conn[0];
    else if (y >= (s8)head.h)
        c = &head.conn[1];
    else if (x < 0)
        c = &head.conn[2];
    else
        c = &head.conn[3];
    if (c->map == NO_MAP)
        return head.border;
    if (c < &head.conn[2]) {
        x += c->offset;
        y += c == &head.conn[0] ? (s8)c->h : -(s8)head.h;
    } else {
        y += c->offset;
        x += c == &head.conn[2] ? (s8)c->w : -(s8)head.w;
    }
    if (x < 0 || y < 0 || x >= (s8)c->w || y >= (s8)c->h)
        return head.border;
    return grid_cell(c->grid, c->bank, (u8)x, (u8)y);
}

/* Cell number at a place, also outside of the map. */
u8 cell_at(s8 x, s8 y)
{
    if (x < 0 || y < 0 || x >= (s8)head.w || y >= (s8)head.h)
        return cell_beyond(x, y);
    return gridBuffer[(u16)(u8)y * head.w + (u8)x];
}

static const u8 *cell_record(u8 cell)
{
    return cellTable + (u8)((u8)(cell << 2) + cell);
}

u8 cell_behaviour(u8 cell)
{
    return cell_record(cell)[4];
}

/* The lower left tile stands for the cell, as in Red. */
u8 cell_tile(u8 cell)
{
    return cell_record(cell)[2];
}

void map_set_cell(u8 x, u8 y, u8 cell)
{
    gridBuffer[(u16)y * head.w + x] = cell;
}

/* Number of the entry at a place in a list of records {x, y, 2 bytes}; 0xFF when none. */
u8 entry_find(u16 list, u8 n, u8 x, u8 y)
{
    u8 i;
    for (i = 0; i < n; i++) {
        if (far_read(list, mapBank) == x && far_read(list + 1, mapBank) == y)
            return i;
        list += 4;
    }
    return 0xFF;
}

/* Copies the warp at a place; 0xFF when there is none. */
u8 warp_find(u8 x, u8 y, Warp *w)
{
    u8 i;
    const u8 *p = wWarpEntries;
    for (i = 0; i < head.nWarps; i++) {
        if (p[0] == y && p[1] == x) {
            far_copy(w, head.warps + i * sizeof(Warp), mapBank, sizeof(Warp));
            return i;
        }
        p += 4;
    }
    return 0xFF;
}
