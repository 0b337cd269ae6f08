/* The party: members, levels, healing; dex bits; money. */
#ifndef PARTY_H
#define PARTY_H
#include "ram.h"
#include "tables.h"

u16 be_get(const u8 *p);
void be_put(u8 *p, u16 v);
const Species *species_by_id(u8 id);
const Move *move_by_id(u8 id);

void mon_make(u8 *m, u8 species, u8 level);
void mon_stats(u8 *m);
u8 party_add(u8 species, u8 level);
u8 party_append(const u8 *m);
void party_heal(void);
u8 party_alive(void);
u8 party_first_alive(void);
u8 party_poison_step(void);
void party_swap(u8 a, u8 b);
u32 exp_for_level(u8 growth, u8 level);
u32 exp_get(const u8 *m);
void exp_put(u8 *m, u32 v);
void dex_mark(u8 *bits, u8 species);
u8 blackout_map(void);

u8 money_has(const u8 *bcd);
void money_add(const u8 *bcd);
void money_sub(const u8 *bcd);
void money_halve(void);
#endif
