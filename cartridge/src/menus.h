/* The start menu and its pages; the party list. */
#ifndef MENUS_H
#define MENUS_H
#include "ram.h"

void start_menu(void);
u8 party_menu_choose(const char *prompt, u8 first);
void party_pages(void);
void dex_pages(void);
#endif
