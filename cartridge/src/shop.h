/* Shops and the healer's machine. */
#ifndef SHOP_H
#define SHOP_H
#include "ram.h"

void shop_run(const u8 *list, u8 n);
void healing_machine(void);
#endif
