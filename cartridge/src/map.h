/* The current map: header, cells, warps, drawing. */
#ifndef MAP_H
#define MAP_H
#include "video.h"

/* Layout shared with tools/world.py (little-endian, no padding). Addresses point into mapBank. */
typedef struct {
    u8 map; /* 0xFF: none */
    s8 offset;
    u8 w, h;
    u16 grid;
    u8 bank;
} Connection;

typedef struct {
    u8 id, tileset, tilesetId, w, h, border, town, outdoor;
    u8 nWarps, nPersons, nSigns, nSteps, nMons, encRate, encKind, nPictures;
    u8 blackX, blackY;
    u16 grid, warps, persons, signs, steps, mons, onload, pictures, name;
    Connection conn[4]; /* up down left right */
} MapHead;

typedef struct {
    u8 x, y, map, dx, dy;
} Warp;

typedef struct {
    u8 id, bank;
    u16 addr;
} MapIndex;

#define NO_MAP 0xFF
#define ENC_GRASS 1
#define ENC_CAVERN 2

#define BH_WALK 0
#define BH_SOLID 1
#define BH_GRASS 2
#define BH_LEDGE 3
#define BH_CUT 4
#define BH_DOOR 5
#define BH_COUNTER 6
#define BH_MAT 7
#define BH_WATER 8

extern MapHead head;
extern u8 mapBank;

void map_head(u8 id);
void tileset_forget(void);
void map_enter(u8 id, u8 x, u8 y);
void map_cross(u8 id, u8 x, u8 y);
void map_draw_all(void);
void map_restore(void);
void map_fill_tilemap(void);
void map_scroll(u8 facing);
void map_set_cell(u8 x, u8 y, u8 cell);
u8 cell_at(s8 x, s8 y);
u8 cell_beyond(s8 x, s8 y);
u8 cell_behaviour(u8 cell);
u8 cell_tile(u8 cell);
u8 warp_find(u8 x, u8 y, Warp *w);
u8 entry_find(u16 list, u8 n, u8 x, u8 y);

s8 dir_dx(u8 facing);
s8 dir_dy(u8 facing);
#endif
