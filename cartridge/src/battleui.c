/* The battle screen: pictures, names, HP bars, menus. */
#include "battle.h"
#include "gen_data.h"
#include "map.h"
#include "objects.h"
#include "party.h"
#include "ui.h"

#define FRONT_TILE 1
#define BACK_TILE 64
#define BACK_SIDE 8
#define BAR_PIECES 6
#define BLINKS 2
#define PICTURE_FRAMES 6
#define STATUS_FRAMES 2

static u8 frontSize;

/* Six pieces of eight pixels between two caps. */
void hp_bar(u8 x, u8 y, u16 hp, u16 max)
{
    u8 i, n;
    u8 *p = &TILE_AT(x, y);
    n = (u8)((u32)hp * (BAR_PIECES * 8) / max);
    if (!n && hp)
        n = 1;
    *p++ = T_HP_L;
    for (i = BAR_PIECES; i; i--) {
        *p++ = T_HP + (n > 8 ? 8 : n);
        n = n > 8 ? n - 8 : 0;
    }
    *p = T_HP_R;
}

static void level_and_status(u8 x, u8 y, const u8 *f)
{
    const char *s = "   ";
    ui_level(x, y, f[B_LEVEL]);
    if (f[B_STATUS] & ST_SLEEP)
        s = "SLP";
    else if (f[B_STATUS])
        s = "PSN";
    ui_str(x + 4, y, s);
}

static void enemy_status(const u8 *f, u16 hp, u16 max)
{
    ui_fill(1, 0, 11, 3, T_BLANK);
    ui_str(1, 0, fighter_name(SIDE_ENEMY));
    if (flag_get(wPokedexOwned, species_by_id(f[B_SPECIES])->dex - 1))
        TILE_AT(0, 0) = T_OWNED;
    level_and_status(2, 1, f);
    hp_bar(2, 2, hp, max);
}

static void player_status(const u8 *f, u16 hp, u16 max)
{
    ui_fill(10, 7, 10, 4, T_BLANK);
    ui_str(10, 7, fighter_name(SIDE_PLAYER));
    level_and_status(11, 8, f);
    hp_bar(11, 9, hp, max);
    ui_num(12, 10, hp, 3);
    TILE_AT(15, 10) = CHAR_TILE('/');
    ui_num(16, 10, max, 3);
}

/* Name, level, status and HP of one side. */
void bui_status(u8 side)
{
    const u8 *f = fighter(side);
    u16 hp = be_get(f + B_HP), max = be_get(f + B_MAXHP);
    load_begin();
    if (side == SIDE_ENEMY)
        enemy_status(f, hp, max);
    else
        player_status(f, hp, max);
    load_end(STATUS_FRAMES);
    ui_flush(side == SIDE_ENEMY ? 0 : 7, 4);
}

static void picture(u8 x, u8 y, u8 side, u8 tile)
{
    u8 i, j;
    for (j = 0; j < side; j++)
        for (i = 0; i < side; i++)
            TILE_AT(x + i, y + j) = tile++;
}

void bui_enemy_picture(void)
{
    const Species *s = species_by_id(wEnemyMon[B_SPECIES]);
    frontSize = s->frontSize;
    bui_clear_enemy();
    load_begin();
    far_unpack(TILES_BG + 16 * FRONT_TILE, s->front, s->frontBank, (u16)frontSize * frontSize << 4);
    load_end(PICTURE_FRAMES);
    picture(13, 6 - frontSize, frontSize, FRONT_TILE);
    ui_flush(0, 7);
}

void bui_player_picture(void)
{
    const Species *s = species_by_id(wBattleMon[B_SPECIES]);
    bui_clear_player();
    load_begin();
    far_unpack(TILES_BG + 16 * BACK_TILE, s->back, s->backBank, BACK_SIDE * BACK_SIDE * 16);
    load_end(PICTURE_FRAMES);
    picture(1, 4, BACK_SIDE, BACK_TILE);
    ui_flush(4, 8);
}

void bui_clear_enemy(void)
{
    ui_fill(12, 0, 8, 7, T_BLANK);
    ui_flush(0, 7);
}

void bui_clear_player(void)
{
    ui_fill(1, 4, BACK_SIDE, 8, T_BLANK);
    ui_flush(4, 8);
}

/* Draws the whole screen again, after a page covered it. */
void bui_show(void)
{
    ui_open(UI_FULL);
    ui_box(0, 12, 20, 6);
    if (be_get(wEnemyMon + B_HP))
        picture(13, 6 - frontSize, frontSize, FRONT_TILE);
    picture(1, 4, BACK_SIDE, BACK_TILE);
    bui_status(SIDE_ENEMY);
    bui_status(SIDE_PLAYER);
    ui_flush_all();
}

/* A blank battle screen instead of the map. */
void bui_begin(void)
{
    palette_off();
    ui_open(UI_FULL);
    ui_box(0, 12, 20, 6);
    tileset_forget();
    ui_show();
    ui_flush_all();
    palette_on();
}

/* The picture of the side that is hit flickers. */
void bui_blink(u8 side)
{
    u8 i;
    for (i = 0; i < BLINKS; i++) {
        if (side == SIDE_ENEMY)
            bui_clear_enemy();
        else
            bui_clear_player();
        wait_frame();
        if (side == SIDE_ENEMY)
            picture(13, 6 - frontSize, frontSize, FRONT_TILE);
        else
            picture(1, 4, BACK_SIDE, BACK_TILE);
        ui_flush(side == SIDE_ENEMY ? 0 : 4, 8);
        wait_frame();
    }
}

/* FIGHT BAG / SWITCH RUN, two by two; 0-3. */
u8 bui_menu(void)
{
    u8 k, cur = 0;
    ui_box(0, 12, 20, 6);
    ui_str(4, 14, "FIGHT");
    ui_str(12, 14, "BAG");
    ui_str(4, 16, "SWITCH");
    ui_str(12, 16, "RUN");
    ui_flush(12, 6);
    for (;;) {
        wCurrentMenuItem = cur;
        ui_put(cur & 1 ? 11 : 3, cur & 2 ? 16 : 14, T_CURSOR);
        k = wait_key(KEY_A | KEY_DIRS);
        if (k & KEY_A)
            return cur;
        ui_put(cur & 1 ? 11 : 3, cur & 2 ? 16 : 14, T_BLANK);
        cur ^= k & (KEY_LEFT | KEY_RIGHT) ? 1 : 2;
    }
}

/* The four moves of a member with PP; slot number or CANCEL. */
u8 bui_moves(const u8 *list, const u8 *pp)
{
    u8 i;
    ui_box(0, 12, 20, 6);
    for (i = 0; i < 4 && list[i]; i++) {
        ui_str(2, 13 + i, move_by_id(list[i])->name);
        ui_num(14, 13 + i, pp[i], 2);
        TILE_AT(16, 13 + i) = CHAR_TILE('/');
        ui_num(17, 13 + i, move_by_id(list[i])->pp, 2);
    }
    ui_flush(12, 6);
    return menu_choose(1, 13, i, 1, 0);
}
