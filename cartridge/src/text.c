/* Dialog: text typed two letters a frame into the lower box, pages, questions, composed messages. */
#include "gen_data.h"
#include "ui.h"

#define AUTO_FRAMES 10

static char msgBuf[44];
static char *msgEnd;
static u16 textAt;
static u8 textBank, waiting;
static u8 waitingLetters[8];

static void dialog_open(void)
{
    if (uiMode == UI_NONE) {
        ui_open(UI_DIALOG);
        ui_box(0, 12, 20, 6);
        ui_flush(12, 6);
        wait_frame();
        ui_show();
        return;
    }
    if (TILE_AT(0, 12) != T_FRAME || TILE_AT(19, 12) != T_FRAME + 2)
        ui_box(0, 12, 20, 6);
    ui_fill(1, 13, 18, 4, T_BLANK);
    ui_flush(12, 6);
    wait_frame();
}

static void page_clear(void)
{
    ui_fill(1, 13, 18, 4, T_BLANK);
    ui_flush(14, 1);
    ui_flush(16, 1);
}

static void text_start(u16 src, u8 bank)
{
    textAt = src;
    textBank = bank;
    waiting = 0;
}

/* The next letter; codes from 0x80 on stand for pairs of others. */
static u8 text_next(void)
{
    u8 c;
    const u8 *pair;
    c = waiting ? waitingLetters[--waiting] : far_read(textAt++, textBank);
    while (c & 0x80) {
        pair = textPairs + 2 * (c & 0x7F);
        waitingLetters[waiting++] = pair[1];
        c = pair[0];
    }
    return c;
}

/* Types one page; 1 when another follows. */
static u8 page_type(void)
{
    u8 c, x = 1, y = 14, half = 0;
    while ((c = text_next()) != 0) {
        if (c == '\f')
            return 1;
        if (c == '\n') {
            x = 1;
            y = 16;
            continue;
        }
        if (x == 19)
            continue;
        ui_put(x, y, CHAR_TILE(c));
        x++;
        half ^= 1;
        if (!half)
            wait_frame();
    }
    return 0;
}

static void pages(u16 src, u8 bank)
{
    dialog_open();
    text_start(src, bank);
    while (page_type()) {
        ui_put(18, 16, T_MORE);
        wait_key(KEY_A | KEY_B);
        page_clear();
    }
}

void say_far(u16 src, u8 bank)
{
    pages(src, bank);
    ui_put(18, 16, T_MORE);
    wait_key(KEY_A | KEY_B);
    ui_put(18, 16, T_BLANK);
}

void say(const char *s)
{
    say_far((u16)s, NEAR);
}

/* Text that goes on by itself after a moment. */
void say_auto(const char *s)
{
    pages((u16)s, NEAR);
    wait_frames(AUTO_FRAMES);
}

/* Yes/No beside the text (which is wrapped to 12 columns); 1 for Yes. */
u8 ask_far(u16 src, u8 bank)
{
    u8 k;
    pages(src, bank);
    ui_str(15, 14, "Yes");
    ui_str(15, 16, "No");
    ui_flush(14, 3);
    wait_frame();
    k = menu_choose(14, 14, 2, 2, 0);
    return k == 0;
}

u8 ask(const char *s)
{
    return ask_far((u16)s, NEAR);
}

void msg(const char *s)
{
    msgEnd = msgBuf;
    msg_add(s);
}

void msg_add(const char *s)
{
    while (*s && msgEnd < msgBuf + sizeof(msgBuf) - 1)
        *msgEnd++ = *s++;
    *msgEnd = 0;
}

void msg_num(u16 v)
{
    char digits[6];
    u8 i = 5;
    digits[5] = 0;
    do {
        digits[--i] = '0' + v % 10;
        v /= 10;
    } while (v);
    msg_add(digits + i);
}

void msg_say(void)
{
    say(msgBuf);
}

void msg_auto(void)
{
    say_auto(msgBuf);
}

u8 msg_ask(void)
{
    return ask(msgBuf);
}
