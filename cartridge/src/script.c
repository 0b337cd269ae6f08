/* The story machine: one byte says what to do, its operands follow. */
#include "script.h"
#include "bag.h"
#include "battle.h"
#include "gen_data.h"
#include "map.h"
#include "objects.h"
#include "party.h"
#include "shop.h"
#include "ui.h"
#include "walk.h"

static u16 pc;
static u8 bank;
static u8 stopped;

static u8 fetch(void)
{
    return far_read(pc++, bank);
}

static u16 fetch_word(void)
{
    u8 low = fetch();
    return low | ((u16)fetch() << 8);
}

static void fetch_bcd(u8 *to)
{
    to[0] = fetch();
    to[1] = fetch();
    to[2] = fetch();
}

static void skip_text(void)
{
    while (fetch())
        ;
}

static void jump_if(u8 yes)
{
    u16 to = fetch_word();
    if (yes)
        pc = to;
}

static void box_close(void)
{
    if (uiMode != UI_NONE)
        ui_close();
}

static u8 condition(u8 op)
{
    u8 bcd[3], n;
    switch (op) {
    case OP_IF:
        return EVENT(fetch_word());
    case OP_IFNOT:
        return !EVENT(fetch_word());
    case OP_IFITEM:
        return bag_count(fetch()) != 0;
    case OP_IFNOITEM:
        return bag_count(fetch()) == 0;
    case OP_IFLEAD:
        n = fetch();
        return wPartyCount && PARTY(0)[M_LEVEL] >= n;
    case OP_IFMONEY:
        fetch_bcd(bcd);
        return money_has(bcd);
    default:
        return (wObtainedBadges >> fetch()) & 1;
    }
}

static void op_warp(void)
{
    u8 map = fetch(), x = fetch(), y = fetch();
    box_close();
    player_warp(map, x, y);
}

static void op_walk(void)
{
    u8 i = fetch(), facing = fetch(), n = fetch();
    box_close();
    wJoyIgnore = 0xFF;
    person_walk(i, facing, n);
    wJoyIgnore = 0;
}

static void op_push(void)
{
    u8 facing = fetch(), n = fetch();
    box_close();
    wJoyIgnore = 0xFF;
    while (n--)
        player_walk(facing);
    wJoyIgnore = 0;
}

static void op_shop(void)
{
    u8 i, n = fetch();
    u8 list[10];
    for (i = 0; i < n; i++)
        list[i] = fetch();
    shop_run(list, n);
}

/* An item on the ground: into the bag and away with the ball. */
static void op_pick(void)
{
    u8 item = fetch(), person = fetch();
    u16 event = fetch_word();
    if (!bag_add(item, 1)) {
        say("The bag is full.");
        return;
    }
    object_set_hidden(person, 1);
    objects_draw();
    flag_put(wEventFlags, event, 1);
    msg("Found\n");
    msg_add(item_by_id(item)->name);
    msg_add("!");
    msg_say();
}

static void op_mon(void)
{
    u8 species = fetch(), level = fetch();
    party_add(species, level);
    wStatusFlags4 |= 8;
}

static void op_battle(void)
{
    u8 n = fetch();
    if (!battle_trainer(n))
        stopped = 1;
}

static void op_heal_here(void)
{
    box_close();
    healing_machine();
    wLastBlackoutMap = head.town;
    wStatusFlags4 |= 4;
    mark_blackout_map();
}

static void op_person(u8 hidden)
{
    object_set_hidden(fetch(), hidden);
    objects_draw();
}

static void do_world(u8 op)
{
    u8 n;
    switch (op) {
    case OP_WARP: op_warp(); break;
    case OP_WALK: op_walk(); break;
    case OP_PUSH: op_push(); break;
    case OP_HIDE: op_person(1); break;
    case OP_SHOW: op_person(0); break;
    case OP_FACE: player_face(fetch()); break;
    case OP_SET: flag_put(wEventFlags, fetch_word(), 1); break;
    case OP_CLEAR: flag_put(wEventFlags, fetch_word(), 0); break;
    case OP_BADGE: wObtainedBadges |= 1 << fetch(); break;
    case OP_DEX: dex_mark(wPokedexSeen, fetch()); break;
    case OP_WAIT:
        n = fetch();
        wait_frames(n);
        break;
    }
}

static void do_party(u8 op)
{
    u8 n, bcd[3];
    switch (op) {
    case OP_GIVE:
        n = fetch();
        bag_add(n, fetch());
        break;
    case OP_TAKE: bag_remove(fetch(), 1); break;
    case OP_MON: op_mon(); break;
    case OP_HEAL: party_heal(); break;
    case OP_HEAL_HERE: op_heal_here(); break;
    case OP_MONEY:
        fetch_bcd(bcd);
        money_add(bcd);
        break;
    case OP_PAY:
        fetch_bcd(bcd);
        money_sub(bcd);
        break;
    case OP_BATTLE: op_battle(); break;
    case OP_SHOP: op_shop(); break;
    case OP_PICK: op_pick(); break;
    default: do_world(op);
    }
}

static void do_text(u8 op)
{
    u16 to;
    if (op == OP_SAY) {
        say_far(pc, bank);
        skip_text();
        return;
    }
    to = fetch_word();
    if (ask_far(pc, bank))
        skip_text();
    else
        pc = to;
}

static void run(void)
{
    u8 op;
    while (!stopped && (op = fetch()) != OP_END) {
        if (op == OP_SAY || op == OP_ASK)
            do_text(op);
        else if (op == OP_GOTO)
            pc = fetch_word();
        else if (op >= OP_IF && op <= OP_IFBADGE)
            jump_if(condition(op));
        else
            do_party(op);
    }
}

/* Runs one script of the current map to its end; a script may start another by changing maps. */
void script_run(u16 start)
{
    u16 oldPc = pc;
    u8 oldBank = bank;
    pc = start;
    bank = mapBank;
    stopped = 0;
    run();
    box_close();
    pc = oldPc;
    bank = oldBank;
}

static u16 far_word(u16 addr)
{
    return far_read(addr, mapBank) | ((u16)far_read(addr + 1, mapBank) << 8);
}

/* The n-th `step` line of the map. */
void script_step(u8 n)
{
    script_run(far_word(head.steps + n * 4 + 2));
}

void script_onload(void)
{
    if (head.onload)
        script_run(head.onload);
}
