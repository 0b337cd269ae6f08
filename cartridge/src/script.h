/* The story machine: runs the byte code that tools/scripts.py makes of the maps' scripts. */
#ifndef SCRIPT_H
#define SCRIPT_H
#include "ram.h"

void script_run(u16 pc);
void script_step(u8 n);
void script_onload(void);

enum {
    OP_END, OP_SAY, OP_ASK, OP_IF, OP_IFNOT, OP_IFITEM, OP_IFNOITEM, OP_IFLEAD, OP_IFMONEY, OP_IFBADGE,
    OP_GIVE, OP_TAKE, OP_SET, OP_CLEAR, OP_MON, OP_HEAL, OP_HEAL_HERE, OP_MONEY, OP_PAY, OP_BATTLE,
    OP_BADGE, OP_SHOP, OP_WARP, OP_HIDE, OP_SHOW, OP_WALK, OP_PUSH, OP_FACE, OP_GOTO, OP_DEX, OP_WAIT, OP_PICK
};
#endif
