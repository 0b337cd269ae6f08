/* Battle numbers: types, stages, hits, damage, catching, running. */
#include "battle.h"
#include "gen_data.h"
#include "party.h"

#define FACTOR_ONE 2 /* type factors count halves */
#define SPECIAL_TYPES 0x14

s8 stages[2][STAGES];
u8 lastFactor, lastCritical;

u8 type_factor(u8 attack, u8 defend)
{
    u8 i;
    const Effect *e = effects;
    for (i = N_EFFECTS; i; i--, e++)
        if (e->attack == attack && e->defend == defend)
            return e->factor;
    return FACTOR_ONE;
}

/* One of the four stats with its stage applied, at least 1. */
u16 effective_stat(u8 side, u8 stage)
{
    u16 v = be_get(fighter(side) + B_ATTACK + 2 * stage);
    s8 s = stages[side][stage];
    if (s > 0)
        v = v * (u8)(2 + s) / 2;
    if (s < 0)
        v = v * 2 / (u8)(2 - s);
    return v ? v : 1;
}

/* Accuracy of the move and the user's accuracy stage. */
u8 calc_hits(u8 side, const Move *mv)
{
    u16 chance = mv->accuracy;
    s8 s = stages[side][STAGE_ACCURACY];
    if (chance == 255 && !s)
        return 1;
    if (s < 0)
        chance = chance * 3 / (u8)(3 - s);
    return rnd() < chance;
}

static u8 is_critical(u8 side)
{
    return rnd() < species_by_id(fighter(side)[B_SPECIES])->base[3] >> 2;
}

static u16 factors(u8 side, const Move *mv, u16 damage)
{
    const u8 *user = fighter(side), *target = fighter(!side);
    u8 f1 = type_factor(mv->type, target[B_TYPE1]), f2 = FACTOR_ONE;
    if (target[B_TYPE2] != target[B_TYPE1])
        f2 = type_factor(mv->type, target[B_TYPE2]);
    lastFactor = f1 * f2;
    if (mv->type == user[B_TYPE1] || mv->type == user[B_TYPE2])
        damage += damage >> 1;
    return (u16)((u32)damage * lastFactor / (FACTOR_ONE * FACTOR_ONE));
}

/* Damage of a move with power; sets lastFactor (4 is normal) and lastCritical. */
u16 calc_damage(u8 side, const Move *mv)
{
    u8 special = mv->type >= SPECIAL_TYPES;
    u16 attack = effective_stat(side, special ? STAGE_SPECIAL : STAGE_ATTACK);
    u16 defense = effective_stat(!side, special ? STAGE_SPECIAL : STAGE_DEFENSE);
    u16 level = fighter(side)[B_LEVEL], damage;
    u8 spread = 217 + rnd() % 39;
    lastCritical = is_critical(side);
    if (lastCritical)
        level *= 2;
    damage = (u16)((u32)(level * 2 / 5 + 2) * mv->power * attack / defense / 50);
    if (damage > 997)
        damage = 997;
    damage = factors(side, mv, damage + 2);
    if (!lastFactor)
        return 0;
    damage = (u16)((u32)damage * spread / 255);
    return damage ? damage : 1;
}

/* The fewer HP and the easier the species, the likelier; sleep and poison help. */
u8 catch_succeeds(u8 ball)
{
    u16 hp = be_get(wEnemyMon + B_HP), max = be_get(wEnemyMon + B_MAXHP), rate;
    rate = (u16)((u32)wEnemyMon[B_CATCH] * (3 * max - 2 * hp) / (3 * max));
    if (wEnemyMon[B_STATUS] & ST_SLEEP)
        rate *= 2;
    else if (wEnemyMon[B_STATUS])
        rate += rate >> 1;
    if (ball > 1)
        rate += rate >> 1;
    return rate > 255 || rnd() < rate;
}

u8 run_succeeds(u8 attempt)
{
    u16 mine = effective_stat(SIDE_PLAYER, STAGE_SPEED), theirs = effective_stat(SIDE_ENEMY, STAGE_SPEED), odds;
    if (mine >= theirs)
        return 1;
    theirs >>= 2;
    if (!theirs)
        return 1;
    odds = mine * 32 / theirs + 30 * attempt;
    return odds > 255 || rnd() < odds;
}
