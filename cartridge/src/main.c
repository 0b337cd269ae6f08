/* Start: title screen, a new game, the world. */
#include "gen_data.h"
#include "map.h"
#include "objects.h"
#include "party.h"
#include "ui.h"
#include "walk.h"

#define START_MAP 0x26
#define START_X 3
#define START_Y 6
#define NO_WARP 0xFF

static void title_screen(void)
{
    u8 x, y;
    u16 map = TITLE_MAP;
    ui_open(UI_FULL);
    wFontLoaded = 0;
    far_unpack(TILES_BG, TITLE_TILES, TITLE_BANK, TITLE_SIZE);
    for (y = 0; y < TITLE_H; y++)
        for (x = 0; x < TITLE_W; x++)
            TILE_AT(x + (SCREEN_W - TITLE_W) / 2, y + 2) = far_read(map++, TITLE_MAP_BANK);
    ui_str(10 - (sizeof(TITLE_PROMPT) - 1) / 2, 14, TITLE_PROMPT);
    ui_flush_all();
    ui_show();
    palette_on();
    wait_key(KEY_A | KEY_B | KEY_START);
    palette_off();
    uiMode = UI_NONE;
    winY = WIN_OFF;
}

static void new_game(void)
{
    wPlayerMoney[0] = 0x00;
    wPlayerMoney[1] = 0x30;
    wPlayerMoney[2] = 0x00;
    wPlayerID[0] = rnd();
    wPlayerID[1] = rnd();
    wPartySpecies[0] = 0xFF;
    wBagItems[0] = 0xFF;
    wDestinationWarpID = NO_WARP;
    wLastBlackoutMap = 0;
    map_enter(START_MAP, START_X, START_Y);
    player_face(FACE_UP);
}

void main(void)
{
    video_init();
    objects_init();
    title_screen();
    new_game();
    world_run();
}
