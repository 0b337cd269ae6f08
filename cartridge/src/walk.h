/* Walking about: the main loop of the world. */
#ifndef WALK_H
#define WALK_H
#include "ram.h"

void world_run(void);
void player_face(u8 facing);
void player_walk(u8 facing);
void person_walk(u8 i, u8 facing, u8 n);
u8 person_may_enter(u8 x, u8 y);
void player_warp(u8 map, u8 x, u8 y);
void player_blackout(void);
void update_front_tile(void);
#endif
