/* The player and the persons of a map as sprites. */
#ifndef OBJECTS_H
#define OBJECTS_H
#include "ram.h"

#define MAX_OBJECTS 16

/* Layout shared with tools/world.py. */
typedef struct {
    u8 picture, x, y, facing, flags, sight, tile, missable;
    u16 event; /* hides, shows or marks as beaten */
    u16 script;
} Person;

#define PF_WANDER 1
#define PF_TRAINER 2
#define PF_HIDDEN_IF 4
#define PF_SHOWN_IF 8
#define PF_WALKS 16 /* has walking frames */

extern Person persons[MAX_OBJECTS]; /* 1-based like Red's sprites; 0 unused */
extern s8 cameraX, cameraY;         /* pixels the view still has to move */
extern u8 playerWalk;               /* picture of the player's leg: 0 stands, else bits */
extern u8 emoteSprite;
extern s8 hopY;

void objects_init(void);
void objects_load(void);
void objects_draw(void);
u8 object_at(u8 x, u8 y);
void object_set_hidden(u8 i, u8 hidden);
u8 object_visible(u8 i);
void object_step(u8 i, u8 facing);
void objects_wander(void);
void objects_advance(void);
u8 flag_get(const u8 *base, u16 n);
void flag_put(u8 *base, u16 n, u8 v);

#define EVENT(n) flag_get(wEventFlags, n)
#endif
