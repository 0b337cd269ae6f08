/* Money (three BCD bytes, high first) and experience points. */
#include "party.h"

static u8 bcd_add(u8 a, u8 b, u8 *carry)
{
    u8 low = (a & 15) + (b & 15) + *carry, high = (a >> 4) + (b >> 4);
    if (low > 9) {
        low -= 10;
        high++;
    }
    *carry = high > 9;
    if (high > 9)
        high -= 10;
    return (high << 4) | low;
}

static u8 bcd_sub(u8 a, u8 b, u8 *borrow)
{
    s8 low = (s8)(a & 15) - (s8)(b & 15) - (s8)*borrow, high = (s8)(a >> 4) - (s8)(b >> 4);
    if (low < 0) {
        low += 10;
        high--;
    }
    *borrow = high < 0;
    if (high < 0)
        high += 10;
    return ((u8)high << 4) | (u8)low;
}

u8 money_has(const u8 *bcd)
{
    u8 i;
    for (i = 0; i < 3; i++)
        if (wPlayerMoney[i] != bcd[i])
            return wPlayerMoney[i] > bcd[i];
    return 1;
}

/* Stops at 999999. */
void money_add(const u8 *bcd)
{
    u8 i = 3, carry = 0;
    do {
        i--;
        wPlayerMoney[i] = bcd_add(wPlayerMoney[i], bcd[i], &carry);
    } while (i);
    if (!carry)
        return;
    for (i = 0; i < 3; i++)
        wPlayerMoney[i] = 0x99;
}

/* Stops at 0. */
void money_sub(const u8 *bcd)
{
    u8 i = 3, borrow = 0;
    if (!money_has(bcd)) {
        wPlayerMoney[0] = wPlayerMoney[1] = wPlayerMoney[2] = 0;
        return;
    }
    do {
        i--;
        wPlayerMoney[i] = bcd_sub(wPlayerMoney[i], bcd[i], &borrow);
    } while (i);
}

void money_halve(void)
{
    u8 i, d, rest = 0;
    for (i = 0; i < 3; i++) {
        d = wPlayerMoney[i] >> 4;
        d += rest ? 10 : 0;
        rest = d & 1;
        wPlayerMoney[i] = (wPlayerMoney[i] & 15) | ((d >> 1) << 4);
        d = (wPlayerMoney[i] & 15) + (rest ? 10 : 0);
        rest = d & 1;
        wPlayerMoney[i] = (wPlayerMoney[i] & 0xF0) | (d >> 1);
    }
}

u32 exp_for_level(u8 growth, u8 level)
{
    u32 v = (u32)((u16)level * level) * level;
    if (growth == GROWTH_FAST)
        return v * 4 / 5;
    if (growth == GROWTH_SLOW)
        return v * 5 / 4;
    return v;
}

u32 exp_get(const u8 *m)
{
    return ((u32)m[M_EXP] << 16) | ((u16)m[M_EXP + 1] << 8) | m[M_EXP + 2];
}

void exp_put(u8 *m, u32 v)
{
    m[M_EXP] = v >> 16;
    m[M_EXP + 1] = v >> 8;
    m[M_EXP + 2] = (u8)v;
}
