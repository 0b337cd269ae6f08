/* The start menu and its small pages. */
#include "menus.h"
#include "bag.h"
#include "gen_data.h"
#include "map.h"
#include "objects.h"
#include "party.h"
#include "ui.h"
#include "walk.h"

#define ENTRIES 7

static u8 leaving; /* the world goes on: nothing may be drawn over it */

static void draw_start_menu(void)
{
    static const char *const names[ENTRIES] = {"Log", "Party", "Bag", "Card", "Save", "Options", "Exit"};
    u8 i;
    ui_open(UI_SIDE);
    ui_box(10, 0, 10, 18);
    for (i = 0; i < ENTRIES; i++)
        ui_str(12, 2 + 2 * i, names[i]);
    ui_flush_all();
    ui_show();
}

static void page_end(void)
{
    ui_flush_all();
    ui_show();
}

static void card_page(void)
{
    u8 i, badges = wObtainedBadges;
    ui_open(UI_FULL);
    ui_box(0, 0, 20, 9);
    ui_str(2, 2, "TRAVELLER");
    ui_str(2, 4, "Money");
    ui_money(11, 4);
    ui_str(2, 6, "Place");
    ui_far(8, 6, head.name, mapBank);
    ui_box(0, 9, 20, 9);
    ui_str(2, 11, "Crests");
    for (i = 2; i < 18; i += 2) {
        TILE_AT(i, 14) = badges & 1 ? T_OWNED : CHAR_TILE('-');
        badges >>= 1;
    }
    page_end();
    wait_key(KEY_A | KEY_B);
}

static void save_page(void)
{
    ui_open(UI_FULL);
    page_end();
    if (ask("Write it\ndown?"))
        say("Saved in your\nheart.");
}

static void options_page(void)
{
    ui_open(UI_FULL);
    ui_box(0, 0, 20, 18);
    ui_str(2, 2, "Text       fast");
    ui_str(2, 5, "Sound      none");
    ui_str(2, 8, "Battles    plain");
    ui_str(2, 15, "All set already.");
    page_end();
    wait_key(KEY_A | KEY_B);
}

static void use_cord(void)
{
    u8 map = blackout_map();
    leaving = 1;
    palette_off();
    uiMode = UI_NONE;
    wFontLoaded &= ~1;
    winY = WIN_OFF;
    map_head(map);
    map_enter(map, head.blackX, head.blackY);
}

static void bag_page(void)
{
    if (bag_menu(0) == BAG_ESCAPED)
        use_cord();
}

static u8 open_page(u8 n)
{
    switch (n) {
    case 0: dex_pages(); break;
    case 1: party_pages(); break;
    case 2: bag_page(); break;
    case 3: card_page(); break;
    case 4: save_page(); break;
    case 5: options_page(); break;
    default: return 0;
    }
    return !leaving;
}

/* One showing of the menu; 0 when it is left. */
u8 start_menu_again(u8 *cur)
{
    u8 n;
    draw_start_menu();
    n = menu_choose(11, 2, ENTRIES, 2, *cur);
    if (n == CANCEL)
        return 0;
    *cur = n;
    return open_page(n);
}

void start_menu(void)
{
    u8 cur = 0;
    leaving = 0;
    while (start_menu_again(&cur))
        ;
    if (!leaving)
        ui_close();
}
