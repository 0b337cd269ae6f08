/* The bag: (item, quantity) pairs, and what items do. */
#include "bag.h"
#include "gen_data.h"
#include "map.h"
#include "menus.h"
#include "party.h"
#include "ui.h"

#define BAG_MAX 20

u8 bagBall;

const Item *item_by_id(u8 id)
{
    const Item *i = items;
    while (i->id != id && i != &items[N_ITEMS - 1])
        i++;
    return i;
}

static u8 *bag_find(u8 item)
{
    u8 i;
    u8 *p = wBagItems;
    for (i = 0; i < wNumBagItems; i++) {
        if (*p == item)
            return p;
        p += 2;
    }
    return 0;
}

u8 bag_count(u8 item)
{
    const u8 *p = bag_find(item);
    return p ? p[1] : 0;
}

/* 0 when there is no room. */
u8 bag_add(u8 item, u8 n)
{
    u8 *p = bag_find(item);
    if (p) {
        if (p[1] > 99 - n)
            return 0;
        p[1] += n;
        return 1;
    }
    if (wNumBagItems == BAG_MAX)
        return 0;
    p = wBagItems + 2 * wNumBagItems;
    p[0] = item;
    p[1] = n;
    p[2] = 0xFF;
    wNumBagItems++;
    return 1;
}

void bag_remove(u8 item, u8 n)
{
    u8 *p = bag_find(item);
    if (!p)
        return;
    if (p[1] > n) {
        p[1] -= n;
        return;
    }
    wNumBagItems--;
    for (; p < wBagItems + 2 * wNumBagItems; p += 2) {
        p[0] = p[2];
        p[1] = p[3];
    }
    p[0] = 0xFF;
    p[1] = 0;
}

static void draw_bag(u8 top)
{
    u8 i, n;
    const u8 *p = wBagItems + 2 * top;
    ui_box(0, 0, 20, 12);
    for (i = 0; i < 5 && top + i < wNumBagItems; i++, p += 2) {
        ui_str(2, 1 + 2 * i, item_by_id(p[0])->name);
        TILE_AT(15, 1 + 2 * i) = CHAR_TILE('x');
        n = p[1];
        ui_num(16, 1 + 2 * i, n, 2);
    }
    if (i < 5)
        ui_str(2, 1 + 2 * i, "Close");
    ui_flush(0, 12);
}

/* Lets the player pick a bag entry; its number or CANCEL. */
static u8 choose_entry(void)
{
    u8 k, cur = 0, top = 0, n = wNumBagItems;
    draw_bag(top);
    for (;;) {
        wCurrentMenuItem = cur;
        wListScrollOffset = top;
        wBagSavedMenuItem = cur;
        ui_put(1, 1 + 2 * cur, T_CURSOR);
        k = wait_key(KEY_A | KEY_B | KEY_UP | KEY_DOWN);
        if (k & KEY_B)
            return CANCEL;
        if (k & KEY_A)
            return top + cur == n ? CANCEL : top + cur;
        ui_put(1, 1 + 2 * cur, T_BLANK);
        if (k & KEY_DOWN) {
            if (top + cur == n)
                continue;
            if (cur < 4)
                cur++;
            else
                top++;
        } else if (cur) {
            cur--;
        } else if (top) {
            top--;
        }
        if (top != wListScrollOffset)
            draw_bag(top);
    }
}

static u8 restore_hp(u8 *m, u8 n)
{
    u16 hp = be_get(m + M_HP), max = be_get(m + M_MAXHP);
    if (!hp || hp == max)
        return 0;
    hp += n;
    be_put(m + M_HP, hp > max ? max : hp);
    return 1;
}

static u8 cure(u8 *m, u8 mask)
{
    if (!(m[M_STATUS] & mask))
        return 0;
    m[M_STATUS] &= ~mask;
    return 1;
}

/* Uses an item on a member; 0 when it would have no effect. */
static u8 use_on(const Item *it, u8 *m)
{
    if (it->use == USE_HEAL)
        return restore_hp(m, it->arg);
    return cure(m, it->use == USE_CURE_POISON ? ST_POISON : 0xFF);
}

static u8 use_on_member(const Item *it)
{
    u8 i, done;
    if (!wPartyCount) {
        say("Nobody is with you.");
        return BAG_NOTHING;
    }
    i = party_menu_choose("Use on whom?", 0);
    if (i == CANCEL)
        return BAG_NOTHING;
    done = use_on(it, PARTY(i));
    if (!done) {
        say("It would have no\neffect.");
        return BAG_NOTHING;
    }
    bag_remove(it->id, 1);
    say("That helped!");
    return BAG_USED;
}

static u8 use_ball(const Item *it, u8 inBattle)
{
    if (inBattle != 1) {
        say(inBattle ? "Not against a\ntrainer!" : "Nothing to catch\nhere.");
        return BAG_NOTHING;
    }
    if (wPartyCount == 6) {
        say("Your party is\nfull.");
        return BAG_NOTHING;
    }
    bag_remove(it->id, 1);
    bagBall = it->arg;
    return BAG_BALL;
}

static u8 use_field(const Item *it)
{
    if (it->use == USE_REPEL) {
        bag_remove(it->id, 1);
        wRepelRemainingSteps = it->arg;
        say("Wild ones keep\naway for a while.");
        return BAG_USED;
    }
    if (it->use == USE_ESCAPE && head.encKind == ENC_CAVERN) {
        bag_remove(it->id, 1);
        return BAG_ESCAPED;
    }
    say("Not the time for\nthat.");
    return BAG_NOTHING;
}

static u8 use_item(const Item *it, u8 inBattle)
{
    switch (it->use) {
    case USE_HEAL:
    case USE_CURE_POISON:
    case USE_CURE_ALL:
        return use_on_member(it);
    case USE_BALL:
        return use_ball(it, inBattle);
    default:
        if (!inBattle)
            return use_field(it);
        say("Not the time for\nthat.");
        return BAG_NOTHING;
    }
}

static u8 toss(const Item *it)
{
    if (it->use == USE_KEY || it->use == USE_NONE) {
        say("Better keep that.");
        return BAG_NOTHING;
    }
    if (ask("Throw one\naway?"))
        bag_remove(it->id, 1);
    return BAG_NOTHING;
}

static u8 use_or_toss(void)
{
    ui_box(13, 12, 7, 6);
    ui_str(15, 14, "Use");
    ui_str(15, 16, "Toss");
    ui_flush(12, 6);
    wait_frame();
    return menu_choose(14, 14, 2, 2, 0);
}

/* The bag page (full screen); inBattle as wIsInBattle. Returns what became of it. */
u8 bag_menu(u8 inBattle)
{
    u8 n, k, done = BAG_NOTHING;
    const Item *it;
    while (!done) {
        ui_open(UI_FULL);
        ui_flush_all();
        ui_show();
        n = choose_entry();
        if (n == CANCEL)
            return BAG_NOTHING;
        it = item_by_id(wBagItems[2 * n]);
        mark_item_chosen();
        k = inBattle ? 0 : use_or_toss();
        if (k == 0)
            done = use_item(it, inBattle);
        else if (k == 1)
            done = toss(it);
    }
    return done;
}
