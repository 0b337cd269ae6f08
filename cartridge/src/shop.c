/* Shops and the healer's machine. */
#include "shop.h"
#include "bag.h"
#include "gen_data.h"
#include "party.h"
#include "ui.h"

#define HEAL_FLASHES 3
#define HEAL_FRAMES 5

static void draw_price(u8 x, u8 y, const u8 *bcd)
{
    u8 i, d, shown = 0;
    TILE_AT(x, y) = CHAR_TILE('$');
    for (i = 2; i < 6; i++) {
        d = bcd[i >> 1];
        d = (i & 1) ? (d & 15) : (d >> 4);
        if (d || i == 5)
            shown = 1;
        TILE_AT(x + i - 1, y) = shown ? CHAR_TILE('0' + d) : T_BLANK;
    }
}

static void draw_frame(const char *title)
{
    ui_open(UI_FULL);
    ui_box(0, 0, 20, 12);
    ui_str(1, 0, title);
    ui_money(12, 0);
}

static void draw_goods(const u8 *list, u8 n)
{
    u8 i;
    draw_frame("Buy");
    for (i = 0; i < n; i++) {
        ui_str(2, 1 + i, item_by_id(list[i])->name);
        draw_price(14, 1 + i, item_by_id(list[i])->price);
    }
    ui_flush_all();
    ui_show();
}

static void buy(const Item *it)
{
    if (!money_has(it->price)) {
        say("You can't afford\nthat.");
        return;
    }
    if (!bag_add(it->id, 1)) {
        say("No room in your\nbag.");
        return;
    }
    money_sub(it->price);
    say("Here you are.\nThank you!");
}

static void shop_buy(const u8 *list, u8 n)
{
    u8 k = 0;
    for (;;) {
        draw_goods(list, n);
        k = menu_choose(1, 1, n, 1, k);
        if (k == CANCEL)
            return;
        buy(item_by_id(list[k]));
    }
}

static void sell(const Item *it)
{
    u8 half[3], i, d, rest = 0;
    for (i = 0; i < 3; i++) {
        d = it->price[i];
        half[i] = (u8)((((d >> 4) + rest) >> 1) << 4);
        rest = ((d >> 4) + rest) & 1 ? 10 : 0;
        half[i] |= ((d & 15) + rest) >> 1;
        rest = (d & 1) ? 10 : 0;
    }
    bag_remove(it->id, 1);
    money_add(half);
    say("A deal. Here is\nyour money.");
}

static void shop_sell(void)
{
    u8 i, n, k = 0;
    for (;;) {
        n = wNumBagItems > 10 ? 10 : wNumBagItems;
        draw_frame("Sell");
        for (i = 0; i < n; i++)
            ui_str(2, 1 + i, item_by_id(wBagItems[2 * i])->name);
        ui_flush_all();
        ui_show();
        if (!n) {
            say("Your bag is empty.");
            return;
        }
        k = menu_choose(1, 1, n, 1, k < n ? k : 0);
        if (k == CANCEL)
            return;
        if (item_by_id(wBagItems[2 * k])->use == USE_KEY)
            say("That is not for\nsale.");
        else
            sell(item_by_id(wBagItems[2 * k]));
    }
}

/* Buy, sell, leave; the shop covers the screen. */
void shop_run(const u8 *list, u8 n)
{
    u8 k;
    for (;;) {
        draw_frame("Shop");
        ui_str(3, 3, "Buy");
        ui_str(3, 5, "Sell");
        ui_str(3, 7, "Leave");
        ui_flush_all();
        ui_show();
        k = menu_choose(2, 3, 3, 2, 0);
        if (k == 0)
            shop_buy(list, n);
        else if (k == 1)
            shop_sell();
        else
            break;
    }
    ui_close();
}

/* The lamps flash while everybody is made well. */
void healing_machine(void)
{
    u8 i;
    for (i = 0; i < HEAL_FLASHES; i++) {
        rBGP = 0x1B;
        wait_frames(HEAL_FRAMES);
        rBGP = PALETTE;
        wait_frames(HEAL_FRAMES);
    }
    party_heal();
}
