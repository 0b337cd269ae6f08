/* Text boxes, numbers and menus, drawn into wTileMap and copied to the window layer. */
#ifndef UI_H
#define UI_H
#include "video.h"

#define CHAR_TILE(c) ((u8)((c) + 0x60))
#define T_BLANK 0x80
#define T_FRAME 0xDF /* tl t tr l r bl b br */
#define T_CURSOR 0xE7
#define T_CURSOR_OFF 0xE8
#define T_MORE 0xE9
#define T_HP_L 0xEA
#define T_HP 0xEB
#define T_HP_R 0xF4
#define T_LV 0xF5
#define T_OWNED 0xF6

#define CANCEL 0xFF

extern u8 uiMode;
#define UI_NONE 0
#define UI_DIALOG 1
#define UI_SIDE 2
#define UI_FULL 3

void ui_open(u8 mode);
void ui_show(void);
void ui_close(void);
void ui_flush(u8 y, u8 h);
void ui_flush_all(void);
void ui_fill(u8 x, u8 y, u8 w, u8 h, u8 tile);
void ui_box(u8 x, u8 y, u8 w, u8 h);
u8 ui_far(u8 x, u8 y, u16 src, u8 bank);
u8 ui_str(u8 x, u8 y, const char *s);
void ui_num(u8 x, u8 y, u16 v, u8 width);
void ui_level(u8 x, u8 y, u8 level);
void ui_money(u8 x, u8 y);
void ui_put(u8 x, u8 y, u8 tile);

u8 menu_choose(u8 x, u8 y, u8 n, u8 step, u8 first);

void say_far(u16 src, u8 bank);
void say(const char *s);
void say_auto(const char *s);
u8 ask_far(u16 src, u8 bank);
u8 ask(const char *s);

void msg(const char *s);
void msg_add(const char *s);
void msg_num(u16 v);
void msg_say(void);
void msg_auto(void);
u8 msg_ask(void);
#endif
