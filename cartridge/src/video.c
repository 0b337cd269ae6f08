/* Screen: queued writes during VBlank, frame waits, palettes, keys. */
#include "video.h"
#include "gen_data.h"

#define QUEUE BYTES(0xC000, 160)
#define QUEUE_MAX 96 /* bytes that the VBlank handler can move in time */

volatile u8 vqLen, vqLock, oamDirty, vblDone, frames;
volatile u8 joyHeld, joyPressed;
u8 scrollX, scrollY, winX, winY;
static u8 loadStart;

void video_init(void)
{
    winY = WIN_OFF;
    winX = 7;
    rBGP = 0;
    rOBP0 = 0;
    far_unpack(TILES_FONT, FONT_ADDR, FONT_BANK, FONT_SIZE);
    objects_hide_all();
    rLCDC = 0xE7;
    __asm__("ei");
}

/* Queues n bytes for video memory; sleeps a frame when this VBlank's share is full. */
void vq_push(u16 addr, const u8 *src, u8 n)
{
    u8 *q;
    u8 i, len;
    if (vqLen + n + 3 > QUEUE_MAX)
        wait_frame();
    vqLock = 1;
    len = vqLen;
    q = QUEUE + len;
    *q++ = n;
    *q++ = (u8)addr;
    *q++ = addr >> 8;
    for (i = n; i; i--)
        *q++ = *src++;
    *q = 0;
    vqLen = len + n + 3;
    vqLock = 0;
}

void wait_frames(u8 n)
{
    while (n--)
        wait_frame();
}

/* Loads take a fixed number of frames, so that timing does not depend on how fast the code is. */
void load_mark(void)
{
    loadStart = frames;
}

void load_begin(void)
{
    wait_frame();
    load_mark();
}

void load_end(u8 n)
{
    while ((u8)(frames - loadStart) < n)
        wait_frame();
}

void palette_off(void)
{
    rBGP = 0;
    rOBP0 = 0;
}

void palette_on(void)
{
    rBGP = PALETTE;
    rOBP0 = PALETTE_OBJ;
}

void objects_hide_all(void)
{
    u8 i;
    u8 *o = wShadowOAM;
    for (i = 0; i < 160; i++)
        *o++ = 0;
    oamDirty = 1;
}

/* Sleeps until one of the keys in mask is newly pressed; the ready byte is 1 meanwhile. */
u8 wait_key(u8 mask)
{
    u8 k;
    joyPressed = 0;
    gameReady = 1;
    do {
        wait_frame();
        k = joyPressed & mask;
    } while (!k);
    gameReady = 0;
    joyPressed = 0;
    return k;
}
