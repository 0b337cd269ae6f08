/* Screen: queued writes during VBlank, bulk copies, the window, palettes. */
#ifndef VIDEO_H
#define VIDEO_H
#include "ram.h"

#define MAP_BG 0x9800u
#define MAP_WIN 0x9C00u
#define TILES_OBJ 0x8000u
#define TILES_FONT 0x8800u
#define TILES_BG 0x9000u
#define SCREEN_W 20
#define SCREEN_H 18
#define PALETTE 0xE4
#define PALETTE_OBJ 0xE0
#define WIN_OFF 144

extern volatile u8 vqLen, vqLock, oamDirty, vblDone, frames;
extern volatile u8 joyHeld, joyPressed;
extern u8 scrollX, scrollY, winX, winY;

#define TILE_AT(x, y) wTileMap[(u16)(y) * SCREEN_W + (x)]

void video_init(void);
void vq_push(u16 addr, const u8 *src, u8 n);
void wait_frames(u8 n);
void load_mark(void);
void load_begin(void);
void load_end(u8 n);
void palette_off(void);
void palette_on(void);
void objects_hide_all(void);

#define KEY_A 0x01
#define KEY_B 0x02
#define KEY_SELECT 0x04
#define KEY_START 0x08
#define KEY_RIGHT 0x10
#define KEY_LEFT 0x20
#define KEY_UP 0x40
#define KEY_DOWN 0x80
#define KEY_DIRS 0xF0

u8 wait_key(u8 mask);
#endif
