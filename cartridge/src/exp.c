/* Experience, levels, learning moves, evolving. */
#include "battle.h"
#include "gen_data.h"
#include "party.h"
#include "ui.h"

#define LEVEL_MAX 100
#define STATS_FRAMES 3

static u8 *hero;

static u8 free_slot(const u8 *m)
{
    u8 i;
    for (i = 0; i < 4 && m[M_MOVES + i]; i++)
        ;
    return i;
}

static u8 knows(const u8 *m, u8 move)
{
    u8 i;
    for (i = 0; i < 4; i++)
        if (m[M_MOVES + i] == move)
            return 1;
    return 0;
}

static void put_move(u8 *m, u8 slot, const Move *mv)
{
    m[M_MOVES + slot] = mv->id;
    m[M_PP + slot] = mv->pp;
    msg(species_by_id(m[M_SPECIES])->name);
    msg_add(" learned\n");
    msg_add(mv->name);
    msg_add("!");
    msg_say();
}

static void learn_one(u8 *m, const Move *mv)
{
    u8 slot = free_slot(m);
    if (slot == 4) {
        msg("Learn\n");
        msg_add(mv->name);
        msg_add("?");
        if (!msg_ask())
            return;
        slot = bui_moves(m + M_MOVES, m + M_PP);
        if (slot == CANCEL)
            return;
    }
    put_move(m, slot, mv);
}

/* Offers the moves that a species learns at a level. */
void learn_moves(u8 *m, u8 level)
{
    const Learn *l = &learnsets[species_by_id(m[M_SPECIES])->learn];
    for (; l->level; l++)
        if (l->level == level && !knows(m, l->move))
            learn_one(m, move_by_id(l->move));
}

static void refresh_stats(u8 *m)
{
    u16 old = be_get(m + M_MAXHP);
    load_begin();
    mon_stats(m);
    load_end(STATS_FRAMES);
    be_put(m + M_HP, be_get(m + M_HP) + be_get(m + M_MAXHP) - old);
}

static void evolve(u8 *m, const Species *s)
{
    const Species *to;
    if (!s->evolveLevel || m[M_LEVEL] < s->evolveLevel)
        return;
    to = species_by_id(s->evolveTo);
    msg(s->name);
    msg_add(" grew into\n");
    msg_add(to->name);
    msg_add("!");
    m[M_SPECIES] = to->id;
    m[M_TYPE1] = to->types[0];
    m[M_TYPE2] = to->types[1];
    m[M_CATCH] = to->catchRate;
    wPartySpecies[wBattleMon[B_SLOT]] = to->id;
    refresh_stats(m);
    dex_mark(wPokedexOwned, to->id);
    dex_mark(wPokedexSeen, to->id);
    msg_say();
}

/* The screen shows what the party member has become. */
static void reload_fighter(void)
{
    u8 old = wBattleMon[B_SPECIES];
    battle_load(wBattleMon, hero, wBattleMon[B_SLOT]);
    if (old != wBattleMon[B_SPECIES])
        bui_player_picture();
    bui_status(SIDE_PLAYER);
}

static void level_up(const Species *s)
{
    hero[M_LEVEL]++;
    hero[M_BOXLEVEL] = hero[M_LEVEL];
    refresh_stats(hero);
    reload_fighter();
    msg(s->name);
    msg_add(" is now\nlevel ");
    msg_num(hero[M_LEVEL]);
    msg_add("!");
    msg_say();
    learn_moves(hero, hero[M_LEVEL]);
    evolve(hero, s);
    reload_fighter();
}

static u16 reward(void)
{
    u16 n = (u16)species_by_id(wEnemyMon[B_SPECIES])->exp * wEnemyMon[B_LEVEL] / 7;
    return wIsInBattle == 2 ? n + (n >> 1) : n;
}

/* The member in battle gains the fallen enemy's experience. */
void exp_award(void)
{
    const Species *s = species_by_id(wBattleMon[B_SPECIES]);
    u32 total, limit;
    u16 n = reward();
    hero = PARTY(wBattleMon[B_SLOT]);
    if (hero[M_LEVEL] == LEVEL_MAX)
        return;
    limit = exp_for_level(s->growth, LEVEL_MAX);
    total = exp_get(hero) + n;
    exp_put(hero, total > limit ? limit : total);
    msg(s->name);
    msg_add(" gains\n");
    msg_num(n);
    msg_add(" exp. points!");
    msg_say();
    while (hero[M_LEVEL] < LEVEL_MAX && exp_get(hero) >= exp_for_level(s->growth, hero[M_LEVEL] + 1)) {
        level_up(s);
        s = species_by_id(hero[M_SPECIES]);
    }
}
