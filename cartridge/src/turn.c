/* One side's move: status checks, damage, side effects. */
#include "battle.h"
#include "gen_data.h"
#include "party.h"
#include "ui.h"

#define STAGE_MAX 6
#define HP_FRAMES 8
#define DAMAGE_FRAMES 3

static const Move flail = {0xA5, "Flail", 0, 50, 255, 10, EF_RECOIL, 0};

static void message(u8 side, const char *text)
{
    msg(side ? "Foe " : "");
    msg_add(fighter_name(side));
    msg_add(text);
    msg_auto();
}

static void set_hp(u8 side, u16 hp)
{
    be_put(fighter(side) + B_HP, hp);
    fighter_sync(side);
    bui_status(side);
    wait_frames(HP_FRAMES);
}

static void lose_hp(u8 side, u16 n)
{
    u16 hp = be_get(fighter(side) + B_HP);
    set_hp(side, hp > n ? hp - n : 0);
}

static void gain_hp(u8 side, u16 n)
{
    u16 hp = be_get(fighter(side) + B_HP) + n, max = be_get(fighter(side) + B_MAXHP);
    set_hp(side, hp > max ? max : hp);
}

static void change_stage(u8 side, u8 stage, s8 by)
{
    static const char *const names[STAGES] = {"attack", "defense", "speed", "special", "aim"};
    s8 s = stages[side][stage] + by;
    if (s > STAGE_MAX || s < -STAGE_MAX) {
        message(side, "'s\nwill not change!");
        return;
    }
    stages[side][stage] = s;
    msg(side ? "Foe " : "");
    msg_add(fighter_name(side));
    msg_add("'s\n");
    msg_add(names[stage]);
    msg_add(by > 0 ? " rose!" : " fell!");
    msg_auto();
}

static void put_status(u8 side, const Move *mv)
{
    u8 *f = fighter(side);
    if (f[B_STATUS] || !be_get(f + B_HP) || rnd() % 100 >= mv->chance) {
        if (!mv->power)
            say_auto("It did nothing.");
        return;
    }
    f[B_STATUS] = mv->effect == EF_POISON ? ST_POISON : 2 + rnd() % 4;
    fighter_sync(side);
    bui_status(side);
    message(side, mv->effect == EF_POISON ? "\nwas poisoned!" : "\nfell asleep!");
}

static void side_effect(u8 side, const Move *mv, u16 damage)
{
    u8 e = mv->effect;
    if (e == EF_POISON || e == EF_SLEEP)
        put_status(!side, mv);
    else if (e >= EF_ATTACK_DOWN && e <= EF_ACCURACY_DOWN) {
        if (!mv->power || rnd() < 84)
            change_stage(!side, e - EF_ATTACK_DOWN, -1);
    } else if (e >= EF_ATTACK_UP && e <= EF_SPECIAL_UP)
        change_stage(side, e - EF_ATTACK_UP, 1);
    else if (e == EF_DRAIN)
        gain_hp(side, damage / 2 + 1);
    else if (e == EF_HEAL)
        gain_hp(side, be_get(fighter(side) + B_MAXHP) / 2);
    else if (e == EF_RECOIL)
        lose_hp(side, damage / 4 + 1);
}

static void announce_factor(void)
{
    if (lastCritical)
        say_auto("Critical hit!");
    if (lastFactor > 4)
        say_auto("It's super\neffective!");
    else if (lastFactor < 4)
        say_auto("It's not very\neffective.");
}

static u16 strike(u8 side, const Move *mv)
{
    u16 damage, hp = be_get(fighter(!side) + B_HP);
    load_begin();
    damage = calc_damage(side, mv);
    load_end(DAMAGE_FRAMES);
    if (!lastFactor) {
        say_auto("It has no effect!");
        return 0;
    }
    if (damage > hp)
        damage = hp;
    bui_blink(!side);
    lose_hp(!side, damage);
    announce_factor();
    return damage;
}

/* Asleep members lose their turn. */
u8 can_act(u8 side)
{
    u8 *f = fighter(side);
    if (!(f[B_STATUS] & ST_SLEEP))
        return 1;
    f[B_STATUS]--;
    fighter_sync(side);
    if (f[B_STATUS] & ST_SLEEP) {
        message(side, "\nis fast asleep.");
        return 0;
    }
    bui_status(side);
    message(side, "\nwoke up!");
    return 1;
}

void use_move(u8 side, const Move *mv)
{
    u16 damage = 0;
    msg(side ? "Foe " : "");
    msg_add(fighter_name(side));
    msg_add(side ? "\nuses " : " uses\n");
    msg_add(mv->name);
    msg_add("!");
    msg_auto();
    if (!calc_hits(side, mv)) {
        say_auto("But it missed!");
        return;
    }
    if (mv->power) {
        damage = strike(side, mv);
        if (!damage)
            return;
    }
    if (be_get(fighter(!side) + B_HP) || mv->effect >= EF_ATTACK_UP)
        side_effect(side, mv, damage);
}

/* Poison takes a sixteenth at the end of the own turn. */
void after_turn(u8 side)
{
    u8 *f = fighter(side);
    u16 n = be_get(f + B_MAXHP) >> 4;
    if (!(f[B_STATUS] & ST_POISON) || !be_get(f + B_HP))
        return;
    message(side, "\nis hurt by poison.");
    lose_hp(side, n ? n : 1);
}

/* A random move that has PP left; a side that has none flails. */
static const Move *random_move(const u8 *f)
{
    u8 i, n = 0, list[4];
    for (i = 0; i < 4; i++)
        if (f[B_MOVES + i] && (f[B_PP + i] & 63))
            list[n++] = i;
    if (!n)
        return &flail;
    return move_by_id(f[B_MOVES + list[rnd() % n]]);
}

const Move *enemy_move(void)
{
    return random_move(wEnemyMon);
}

/* The move in a slot, using one PP; flail when nothing has PP left. */
const Move *player_move(u8 slot)
{
    if (slot == 0xFF)
        return &flail;
    wBattleMon[B_PP + slot]--;
    fighter_sync(SIDE_PLAYER);
    return move_by_id(wBattleMon[B_MOVES + slot]);
}
