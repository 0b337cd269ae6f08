/* Layouts of the constant tables that tools/tables.py writes into gen_data.c. */
#ifndef TABLES_H
#define TABLES_H
#include "types.h"

typedef struct {
    u8 id, dex;
    char name[11];
    u8 types[2];
    u8 base[5]; /* HP attack defense speed special */
    u8 catchRate, exp, growth;
    u8 start[4];
    u8 evolveLevel, evolveTo;
    u16 learn; /* index into learnsets */
    u16 front;
    u8 frontBank, frontSize; /* size in tiles per side */
    u16 back;
    u8 backBank;
    u16 about;
    u8 aboutBank;
} Species;

typedef struct {
    u8 level, move;
} Learn;

typedef struct {
    u8 id;
    char name[13];
    u8 type, power, accuracy, pp, effect, chance;
} Move;

typedef struct {
    u8 id;
    char name[13];
    u8 price[3]; /* BCD */
    u8 use, arg;
} Item;

typedef struct {
    u8 class, money;
    char name[14];
    u8 count;
    u8 party[12]; /* species, level */
} Trainer;

typedef struct {
    u8 attack, defend, factor; /* factor in halves: 0, 1, 4 */
} Effect;

typedef struct {
    u8 id;
    char name[9];
} TypeName;

typedef struct {
    u8 id;
    u16 addr;
    u8 bank;
} Picture;

typedef struct {
    const u8 *cells;
    u16 tiles;
    u8 bank;
    u16 size;
} Tileset;

typedef struct {
    u8 town, map;
} Healer;

enum { GROWTH_MEDIUM, GROWTH_FAST, GROWTH_SLOW };

enum {
    EF_NONE, EF_POISON, EF_SLEEP, EF_ATTACK_DOWN, EF_DEFENSE_DOWN, EF_SPEED_DOWN, EF_SPECIAL_DOWN, EF_ACCURACY_DOWN,
    EF_ATTACK_UP, EF_DEFENSE_UP, EF_SPEED_UP, EF_SPECIAL_UP, EF_DRAIN, EF_FIRST, EF_HEAL, EF_RECOIL
};

enum { USE_NONE, USE_HEAL, USE_BALL, USE_CURE_POISON, USE_CURE_ALL, USE_REPEL, USE_ESCAPE, USE_KEY };

#endif
