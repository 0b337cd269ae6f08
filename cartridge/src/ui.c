/* Boxes, strings, numbers and menus on the window layer. */
#include "ui.h"
#include "map.h"
#include "objects.h"

#define CLOSE_FRAMES 3

u8 uiMode;
static u8 originX, originY;

/* Maps the window layer to a part of wTileMap: the lower box, the right half, or everything. */
void ui_open(u8 mode)
{
    uiMode = mode;
    originX = 0;
    originY = 0;
    if (mode == UI_DIALOG)
        originY = 12;
    if (mode == UI_SIDE)
        originX = 10;
    if (mode == UI_FULL)
        ui_fill(0, 0, SCREEN_W, SCREEN_H, T_BLANK);
    wFontLoaded |= 1;
}

void ui_show(void)
{
    objects_draw();
    winX = 7 + (originX << 3);
    winY = originY << 3;
    wait_frame();
}

void ui_close(void)
{
    uiMode = UI_NONE;
    wFontLoaded &= ~1;
    winY = WIN_OFF;
    load_begin();
    map_fill_tilemap();
    objects_draw();
    load_end(CLOSE_FRAMES);
}

void ui_flush(u8 y, u8 h)
{
    u8 n = SCREEN_W - originX;
    u16 dst = MAP_WIN + ((u16)(y - originY) << 5);
    const u8 *src = &TILE_AT(originX, y);
    while (h--) {
        vq_push(dst, src, n);
        dst += 32;
        src += SCREEN_W;
    }
}

void ui_flush_all(void)
{
    ui_flush(originY, SCREEN_H - originY);
    wait_frame();
}

void ui_fill(u8 x, u8 y, u8 w, u8 h, u8 tile)
{
    u8 i;
    u8 *p = &TILE_AT(x, y);
    while (h--) {
        for (i = w; i; i--)
            *p++ = tile;
        p += SCREEN_W - w;
    }
}

static void box_row(u8 *p, u8 w, u8 left, u8 mid, u8 right)
{
    *p++ = left;
    for (w -= 2; w; w--)
        *p++ = mid;
    *p = right;
}

void ui_box(u8 x, u8 y, u8 w, u8 h)
{
    u8 *p = &TILE_AT(x, y);
    box_row(p, w, T_FRAME, T_FRAME + 1, T_FRAME + 2);
    for (h -= 2; h; h--) {
        p += SCREEN_W;
        box_row(p, w, T_FRAME + 3, T_BLANK, T_FRAME + 4);
    }
    box_row(p + SCREEN_W, w, T_FRAME + 5, T_FRAME + 6, T_FRAME + 7);
}

void ui_put(u8 x, u8 y, u8 tile)
{
    u8 *p = &TILE_AT(x, y);
    *p = tile;
    vq_push(MAP_WIN + ((u16)(y - originY) << 5) + (x - originX), p, 1);
}

/* Draws a string into wTileMap only; returns the column after it. */
u8 ui_far(u8 x, u8 y, u16 src, u8 bank)
{
    u8 c, x0 = x;
    u8 *p = &TILE_AT(x, y);
    while ((c = far_read(src, bank)) != 0) {
        src++;
        if (c == '\n') {
            y++;
            x = x0;
            p = &TILE_AT(x, y);
            continue;
        }
        *p++ = CHAR_TILE(c);
        x++;
    }
    return x;
}

u8 ui_str(u8 x, u8 y, const char *s)
{
    return ui_far(x, y, (u16)s, NEAR);
}

/* Right-aligned number in width columns. */
void ui_num(u8 x, u8 y, u16 v, u8 width)
{
    u8 *p = &TILE_AT(x, y) + width;
    do {
        *--p = CHAR_TILE('0' + v % 10);
        v /= 10;
        width--;
    } while (v && width);
    while (width--)
        *--p = T_BLANK;
}

/* "Lv" and the number, up to four columns. */
void ui_level(u8 x, u8 y, u8 level)
{
    TILE_AT(x, y) = T_LV;
    ui_num(x + 1, y, level, level > 99 ? 3 : level > 9 ? 2 : 1);
}

/* Money is BCD; seven columns. */
void ui_money(u8 x, u8 y)
{
    u8 i, d, shown = 0;
    u8 *p = &TILE_AT(x, y);
    *p++ = CHAR_TILE('$');
    for (i = 0; i < 6; i++) {
        d = wPlayerMoney[i >> 1];
        d = (i & 1) ? (d & 15) : (d >> 4);
        if (d || i == 5)
            shown = 1;
        *p++ = shown ? CHAR_TILE('0' + d) : T_BLANK;
    }
}

/* Vertical menu with the cursor in column x; returns the entry or CANCEL. */
u8 menu_choose(u8 x, u8 y, u8 n, u8 step, u8 first)
{
    u8 k, cur = first;
    wMaxMenuItem = n - 1;
    for (;;) {
        wCurrentMenuItem = cur;
        ui_put(x, y + cur * step, T_CURSOR);
        k = wait_key(KEY_A | KEY_B | KEY_UP | KEY_DOWN);
        if (k & KEY_A) {
            ui_put(x, y + cur * step, T_CURSOR_OFF);
            return cur;
        }
        ui_put(x, y + cur * step, T_BLANK);
        if (k & KEY_B)
            return CANCEL;
        if (k & KEY_DOWN)
            cur = cur + 1 == n ? 0 : cur + 1;
        else
            cur = cur ? cur - 1 : n - 1;
    }
}
