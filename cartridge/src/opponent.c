/* Who stands against the player: wild ones by the map's list, trainers' teams, their prize. */
#include "battle.h"
#include "map.h"
#include "party.h"
#include "ui.h"

/* Draws a wild one from the map's list. */
void pick_wild(u8 *kind, u8 *level)
{
    u8 rec[4], i, r, low;
    u16 p = head.mons, total = 0;
    for (i = 0; i < head.nMons; i++)
        total += far_read(p + 4 * i + 3, mapBank);
    r = (u8)((u16)rnd() * total >> 8);
    for (;;) {
        far_copy(rec, p, mapBank, 4);
        if (r < rec[3])
            break;
        r -= rec[3];
        p += 4;
    }
    low = rec[1];
    *kind = rec[0];
    *level = low + rnd() % (u8)(rec[2] - low + 1);
}

/* Builds the rival's party in wEnemyMons. */
void make_team(void)
{
    u8 i;
    for (i = 0; i < rival->count; i++) {
        mon_make(ENEMY(i), rival->party[2 * i], rival->party[2 * i + 1]);
        wEnemyPartySpecies[i] = rival->party[2 * i];
    }
    wEnemyPartySpecies[i] = 0xFF;
    wEnemyPartyCount = i;
}

/* Prize: money per level of the last member. */
void prize(void)
{
    u8 bcd[3] = {0, 0, 0}, i, n = rival->party[2 * rival->count - 1];
    u16 v = (u16)rival->money * n;
    msg("You won $");
    msg_num(v);
    msg_add("!");
    for (i = 2; v; i--) {
        bcd[i] = v % 10;
        v /= 10;
        bcd[i] |= (u8)(v % 10) << 4;
        v /= 10;
    }
    money_add(bcd);
    msg_say();
}
