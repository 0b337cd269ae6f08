/* Basic types and the bank 0 helpers written in assembly. */
#ifndef TYPES_H
#define TYPES_H

typedef unsigned char u8;
typedef signed char s8;
typedef unsigned int u16;
typedef signed int s16;
typedef unsigned long u32;

#define OLD __sdcccall(0)

u8 rnd(void) OLD;
void wait_frame(void) OLD;
u8 far_read(u16 src, u8 bank) OLD;
void far_copy(void *dst, u16 src, u8 bank, u16 n) OLD;
void far_unpack(u16 dst, u16 src, u8 bank, u16 n) OLD;
void far_vram(u16 dst, u16 src, u8 bank, u16 n) OLD;
void put_cells(u8 *dst, const u8 *cells, u8 n, u16 next) OLD;
void column_to_queue(u16 address, const u8 *src) OLD;
void shift_tiles(u8 *dst, const u8 *src, u16 n) OLD;
void shift_tiles_back(u8 *dst_end, const u8 *src_end, u16 n) OLD;

void mark_blackout_map(void) OLD;
void mark_sprite_text(void) OLD;
void mark_hidden_object(void) OLD;
void mark_warp(void) OLD;
void mark_ball(void) OLD;
void mark_cut_yes(void) OLD;
void mark_cut_no(void) OLD;
void mark_item_chosen(void) OLD;
void mark_stats_page(void) OLD;
void mark_sign(void) OLD;
void mark_encounter(void) OLD;

/* Bank number that makes far_read and text work on data in banks 0 and 1. */
#define NEAR 1

#endif
