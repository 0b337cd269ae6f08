/* The bag: (item, quantity) pairs, and what items do. */
#ifndef BAG_H
#define BAG_H
#include "ram.h"
#include "tables.h"

const Item *item_by_id(u8 id);
u8 bag_count(u8 item);
u8 bag_add(u8 item, u8 n);
void bag_remove(u8 item, u8 n);

#define BAG_NOTHING 0
#define BAG_USED 1
#define BAG_BALL 2
#define BAG_ESCAPED 3
extern u8 bagBall; /* catch factor of the ball that was chosen */
u8 bag_menu(u8 inBattle);
#endif
