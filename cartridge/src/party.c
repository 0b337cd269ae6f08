/* The party: making members, healing, dex bits. */
#include "party.h"
#include "gen_data.h"
#include "objects.h"
#include "ui.h"

#define POISON_STEPS 4
#define MAKE_FRAMES 5

static u8 poisonSteps;

u16 be_get(const u8 *p)
{
    return ((u16)p[0] << 8) | p[1];
}

void be_put(u8 *p, u16 v)
{
    p[0] = v >> 8;
    p[1] = (u8)v;
}

const Species *species_by_id(u8 id)
{
    const Species *s = species;
    while (s->id != id && s != &species[N_SPECIES - 1])
        s++;
    return s;
}

const Move *move_by_id(u8 id)
{
    const Move *m = moves;
    while (m->id != id && m != &moves[N_MOVES - 1])
        m++;
    return m;
}

void dex_mark(u8 *bits, u8 id)
{
    flag_put(bits, species_by_id(id)->dex - 1, 1);
}

/* Attack, defense, speed and special hide four bits each in two bytes; HP takes the lowest bit of each. */
static u8 dv(const u8 *m, u8 stat)
{
    u8 a = m[M_DVS], b = m[M_DVS + 1];
    switch (stat) {
    case 0:
        return ((a >> 1) & 8) | ((a << 2) & 4) | ((b >> 3) & 2) | (b & 1);
    case 1:
        return a >> 4;
    case 2:
        return a & 15;
    case 3:
        return b >> 4;
    default:
        return b & 15;
    }
}

static u16 stat_value(const u8 *m, const Species *s, u8 stat)
{
    u16 v = (u16)(s->base[stat] + dv(m, stat)) * 2;
    v = (u16)((u32)v * m[M_LEVEL] / 100) + 5;
    return stat ? v : v + m[M_LEVEL] + 5;
}

/* Computes the five stats from species, level and DVs. */
void mon_stats(u8 *m)
{
    u8 i;
    const Species *s = species_by_id(m[M_SPECIES]);
    for (i = 0; i < 5; i++)
        be_put(m + M_MAXHP + 2 * i, stat_value(m, s, i));
}

static void set_move(u8 *m, u8 slot, u8 move)
{
    m[M_MOVES + slot] = move;
    m[M_PP + slot] = move ? move_by_id(move)->pp : 0;
}

/* Adds a move; the oldest goes when there are four. */
static void push_move(u8 *m, u8 move)
{
    u8 i;
    for (i = 0; i < 4; i++) {
        if (m[M_MOVES + i] == move)
            return;
        if (!m[M_MOVES + i]) {
            set_move(m, i, move);
            return;
        }
    }
    for (i = 0; i < 3; i++)
        set_move(m, i, m[M_MOVES + i + 1]);
    set_move(m, 3, move);
}

static void starting_moves(u8 *m, const Species *s)
{
    u8 i;
    const Learn *l;
    for (i = 0; i < 4; i++)
        if (s->start[i])
            push_move(m, s->start[i]);
    for (l = &learnsets[s->learn]; l->level && l->level <= m[M_LEVEL]; l++)
        push_move(m, l->move);
}

void mon_make(u8 *m, u8 id, u8 level)
{
    u8 i;
    const Species *s = species_by_id(id);
    load_begin();
    for (i = 0; i < M_SIZE; i++)
        m[i] = 0;
    m[M_DVS] = rnd();
    m[M_DVS + 1] = rnd();
    m[M_SPECIES] = id;
    m[M_BOXLEVEL] = level;
    m[M_LEVEL] = level;
    m[M_TYPE1] = s->types[0];
    m[M_TYPE2] = s->types[1];
    m[M_CATCH] = s->catchRate;
    m[M_OT] = wPlayerID[0];
    m[M_OT + 1] = wPlayerID[1];
    exp_put(m, exp_for_level(s->growth, level));
    mon_stats(m);
    m[M_HP] = m[M_MAXHP];
    m[M_HP + 1] = m[M_MAXHP + 1];
    starting_moves(m, s);
    load_end(MAKE_FRAMES);
}

/* Copies a finished member to the end of the party; 0 when it is full. */
u8 party_append(const u8 *m)
{
    u8 i;
    u8 *to = PARTY(wPartyCount);
    if (wPartyCount == 6)
        return 0;
    for (i = 0; i < M_SIZE; i++)
        to[i] = m[i];
    wPartySpecies[wPartyCount] = m[M_SPECIES];
    wPartyCount++;
    wPartySpecies[wPartyCount] = 0xFF;
    dex_mark(wPokedexOwned, m[M_SPECIES]);
    dex_mark(wPokedexSeen, m[M_SPECIES]);
    return 1;
}

u8 party_add(u8 id, u8 level)
{
    u8 m[M_SIZE];
    mon_make(m, id, level);
    return party_append(m);
}

static void mon_heal(u8 *m)
{
    u8 i;
    m[M_HP] = m[M_MAXHP];
    m[M_HP + 1] = m[M_MAXHP + 1];
    m[M_STATUS] = 0;
    for (i = 0; i < 4; i++)
        if (m[M_MOVES + i])
            m[M_PP + i] = move_by_id(m[M_MOVES + i])->pp;
}

void party_heal(void)
{
    u8 i;
    for (i = 0; i < wPartyCount; i++)
        mon_heal(PARTY(i));
}

/* Number of the first member that can fight; 6 when none can. */
u8 party_first_alive(void)
{
    u8 i;
    for (i = 0; i < wPartyCount; i++)
        if (be_get(PARTY(i) + M_HP))
            return i;
    return 6;
}

u8 party_alive(void)
{
    return party_first_alive() != 6;
}

/* Poison takes one HP every few steps; 1 when nobody can fight any more. */
u8 party_poison_step(void)
{
    u8 i;
    u16 hp;
    u8 *m;
    if (!wPartyCount)
        return 0;
    if (++poisonSteps < POISON_STEPS)
        return 0;
    poisonSteps = 0;
    for (i = 0; i < wPartyCount; i++) {
        m = PARTY(i);
        hp = be_get(m + M_HP);
        if (!(m[M_STATUS] & ST_POISON) || !hp)
            continue;
        be_put(m + M_HP, --hp);
        if (hp)
            continue;
        m[M_STATUS] = 0;
        msg(species_by_id(m[M_SPECIES])->name);
        msg_add("\nfainted!");
        msg_say();
        ui_close();
    }
    return !party_alive();
}

void party_swap(u8 a, u8 b)
{
    u8 i, t;
    u8 *p = PARTY(a), *q = PARTY(b);
    for (i = 0; i < M_SIZE; i++) {
        t = p[i];
        p[i] = q[i];
        q[i] = t;
    }
    wPartySpecies[a] = p[M_SPECIES];
    wPartySpecies[b] = q[M_SPECIES];
}

/* Map where a blackout wakes up: the healer's house of the last town healed in. */
u8 blackout_map(void)
{
    u8 i;
    for (i = 0; i < N_HEALERS; i++)
        if (healers[i].town == wLastBlackoutMap)
            return healers[i].map;
    return healers[0].map;
}
