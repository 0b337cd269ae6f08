/* The A button in the world, and trainers that see the player. */
#ifndef INTERACT_H
#define INTERACT_H
#include "ram.h"

void interact(u8 x, u8 y);
u8 trainers_look(void);
#endif
