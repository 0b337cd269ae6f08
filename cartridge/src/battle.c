/* The flow of a battle: who fights, choices, fainting, the end. */
#include "battle.h"
#include "bag.h"
#include "gen_data.h"
#include "map.h"
#include "menus.h"
#include "objects.h"
#include "party.h"
#include "ui.h"
#include "walk.h"

enum { GOES_ON, LOST, WON, LEFT };

u8 *foe;
const Trainer *rival;
static u8 wildMon[M_SIZE];
static u8 state, attempts;

u8 *fighter(u8 side)
{
    return side ? wEnemyMon : wBattleMon;
}

const char *fighter_name(u8 side)
{
    return species_by_id(fighter(side)[B_SPECIES])->name;
}

/* Fills a battle struct from a party struct. */
void battle_load(u8 *b, const u8 *m, u8 slot)
{
    u8 i;
    for (i = 0; i < B_DVS; i++)
        b[i] = m[i];
    b[B_SLOT] = slot;
    b[B_DVS] = m[M_DVS];
    b[B_DVS + 1] = m[M_DVS + 1];
    b[B_LEVEL] = m[M_LEVEL];
    for (i = 0; i < 10; i++)
        b[B_MAXHP + i] = m[M_MAXHP + i];
    for (i = 0; i < 4; i++)
        b[B_PP + i] = m[M_PP + i];
}

/* HP, status and PP go back into the struct the fighter came from. */
void fighter_sync(u8 side)
{
    u8 i;
    u8 *f = fighter(side), *m = side ? foe : PARTY(wBattleMon[B_SLOT]);
    m[M_HP] = f[B_HP];
    m[M_HP + 1] = f[B_HP + 1];
    m[M_STATUS] = f[B_STATUS];
    for (i = 0; i < 4; i++)
        m[M_PP + i] = f[B_PP + i];
}

static void clear_stages(u8 side)
{
    u8 i;
    for (i = 0; i < STAGES; i++)
        stages[side][i] = 0;
}

static void send_player(u8 slot)
{
    wPlayerMonNumber = slot;
    battle_load(wBattleMon, PARTY(slot), slot);
    clear_stages(SIDE_PLAYER);
    bui_player_picture();
    bui_status(SIDE_PLAYER);
    msg("Go, ");
    msg_add(fighter_name(SIDE_PLAYER));
    msg_add("!");
    msg_auto();
}

static void send_enemy(u8 *m, u8 slot)
{
    foe = m;
    battle_load(wEnemyMon, m, slot);
    wEnemyMonSpecies2 = m[M_SPECIES];
    wCurEnemyLevel = m[M_LEVEL];
    clear_stages(SIDE_ENEMY);
    dex_mark(wPokedexSeen, m[M_SPECIES]);
    bui_enemy_picture();
    bui_status(SIDE_ENEMY);
}

/* Choosing the next member after one fainted; there is one. */
static void replace_player(void)
{
    u8 n;
    do
        n = party_menu_choose("Who goes next?", party_first_alive());
    while (n == CANCEL || !be_get(PARTY(n) + M_HP));
    bui_show();
    send_player(n);
}

static void trainer_next(void)
{
    u8 n = wEnemyMon[B_SLOT] + 1;
    if (wIsInBattle != 2 || n == wEnemyPartyCount) {
        state = WON;
        return;
    }
    msg(rival->name);
    msg_add("\nsends ");
    msg_add(species_by_id(ENEMY(n)[M_SPECIES])->name);
    msg_add("!");
    msg_auto();
    send_enemy(ENEMY(n), n);
}

static void faint_message(u8 side)
{
    if (side)
        bui_clear_enemy();
    else
        bui_clear_player();
    bui_status(side);
    msg(side ? "Foe " : "");
    msg_add(fighter_name(side));
    msg_add("\nfainted!");
    msg_say();
}

/* Looks whether somebody fell; the turn is over then. */
static u8 check_fainted(void)
{
    u8 fell = 0;
    if (!be_get(wBattleMon + B_HP)) {
        fell = 1;
        wBattleMon[B_STATUS] = 0;
        fighter_sync(SIDE_PLAYER);
        faint_message(SIDE_PLAYER);
        if (!party_alive()) {
            state = LOST;
            return 1;
        }
    }
    if (!be_get(wEnemyMon + B_HP)) {
        faint_message(SIDE_ENEMY);
        if (!fell)
            exp_award();
        trainer_next();
        if (state == GOES_ON && fell)
            replace_player();
        return 1;
    }
    if (fell)
        replace_player();
    return fell;
}

/* One side acts; 1 when the turn is over. */
static u8 act(u8 side, const Move *mv)
{
    if (can_act(side))
        use_move(side, mv);
    if (check_fainted())
        return 1;
    after_turn(side);
    return check_fainted();
}

static u8 player_first(const Move *mine, const Move *theirs)
{
    u16 a, b;
    u8 mf = mine->effect == EF_FIRST, tf = theirs->effect == EF_FIRST;
    if (mf != tf)
        return mf;
    a = effective_stat(SIDE_PLAYER, STAGE_SPEED);
    b = effective_stat(SIDE_ENEMY, STAGE_SPEED);
    if (a == b)
        return rnd() & 1;
    return a > b;
}

static void fight(u8 slot)
{
    const Move *mine = player_move(slot), *theirs = enemy_move();
    if (player_first(mine, theirs)) {
        if (!act(SIDE_PLAYER, mine))
            act(SIDE_ENEMY, theirs);
    } else if (!act(SIDE_ENEMY, theirs)) {
        act(SIDE_PLAYER, mine);
    }
}

static u8 no_pp(void)
{
    u8 i;
    for (i = 0; i < 4; i++)
        if (wBattleMon[B_MOVES + i] && wBattleMon[B_PP + i])
            return 0;
    return 1;
}

static void choose_fight(void)
{
    u8 n;
    if (no_pp()) {
        fight(0xFF);
        return;
    }
    n = bui_moves(wBattleMon + B_MOVES, wBattleMon + B_PP);
    if (n == CANCEL)
        return;
    if (!wBattleMon[B_PP + n]) {
        say("No power left for\nthat move.");
        return;
    }
    fight(n);
}

static void caught(void)
{
    msg("Got it! ");
    msg_add(fighter_name(SIDE_ENEMY));
    msg_add("\njoins you.");
    party_append(foe);
    msg_say();
    state = LEFT;
}

static void throw_ball(void)
{
    mark_ball();
    say_auto("You throw the\ncharm...");
    if (catch_succeeds(bagBall)) {
        bui_clear_enemy();
        caught();
        return;
    }
    say_auto("It broke free!");
    act(SIDE_ENEMY, enemy_move());
}

static void choose_bag(void)
{
    u8 used = bag_menu(wIsInBattle), slot = wBattleMon[B_SLOT];
    wBattleMon[B_STATUS] = PARTY(slot)[M_STATUS];
    wBattleMon[B_HP] = PARTY(slot)[M_HP];
    wBattleMon[B_HP + 1] = PARTY(slot)[M_HP + 1];
    bui_show();
    if (used == BAG_BALL)
        throw_ball();
    else if (used == BAG_USED)
        act(SIDE_ENEMY, enemy_move());
}

static void choose_switch(void)
{
    u8 n = party_menu_choose("Switch to whom?", 0);
    bui_show();
    if (n == CANCEL || n == wBattleMon[B_SLOT])
        return;
    if (!be_get(PARTY(n) + M_HP)) {
        say("Too worn out to\nfight.");
        return;
    }
    send_player(n);
    act(SIDE_ENEMY, enemy_move());
}

static void choose_run(void)
{
    if (wIsInBattle == 2) {
        say("No running from\nthis one!");
        return;
    }
    if (run_succeeds(++attempts)) {
        say("Got away safely!");
        state = LEFT;
        return;
    }
    say_auto("Can't get away!");
    act(SIDE_ENEMY, enemy_move());
}

static void turn(void)
{
    switch (bui_menu()) {
    case 0: choose_fight(); break;
    case 1: choose_bag(); break;
    case 2: choose_switch(); break;
    default: choose_run();
    }
}

static void battle_begin(u8 kind)
{
    wIsInBattle = kind;
    state = GOES_ON;
    attempts = 0;
    bui_begin();
}

static void battle_loop(void)
{
    send_player(party_first_alive());
    while (state == GOES_ON)
        turn();
}

/* Back to the map, or to the healer. */
static void battle_end(void)
{
    if (state == LOST) {
        player_blackout();
        return;
    }
    wIsInBattle = 0;
    palette_off();
    uiMode = UI_NONE;
    wFontLoaded &= ~1;
    map_restore();
}

void battle_wild(void)
{
    u8 kind, level;
    pick_wild(&kind, &level);
    wCurEnemyLevel = level;
    mark_encounter();
    if (!party_alive() || (wRepelRemainingSteps && level < PARTY(party_first_alive())[M_LEVEL]))
        return;
    wCurOpponent = kind;
    mon_make(wildMon, kind, level);
    battle_begin(1);
    send_enemy(wildMon, 0);
    msg("A wild ");
    msg_add(fighter_name(SIDE_ENEMY));
    msg_add("\nappears!");
    msg_auto();
    battle_loop();
    battle_end();
}

/* 1 when the player won; after a defeat he is at the healer. */
u8 battle_trainer(u8 n)
{
    u8 won;
    if (!party_alive())
        return 0;
    rival = &trainers[n];
    wTrainerClass = rival->class;
    wCurOpponent = 200 + rival->class;
    make_team();
    battle_begin(2);
    msg(rival->name);
    msg_add("\nwants to battle!");
    msg_say();
    send_enemy(ENEMY(0), 0);
    battle_loop();
    won = state == WON;
    if (won)
        prize();
    battle_end();
    return won;
}
