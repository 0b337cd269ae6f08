/* The player and the persons of a map as sprites. */
#include "objects.h"
#include "gen_data.h"
#include "map.h"
#include "ui.h"
#include "walk.h"

#define NO_MISSABLE 0xFF
#define HIDDEN 0xFF

Person persons[MAX_OBJECTS];
s8 cameraX, cameraY;
u8 playerWalk;
u8 emoteSprite;
s8 hopY;
static u8 walkLeft[MAX_OBJECTS]; /* pixels a person still has to walk */
static u8 *oam, *oamEnd; /* next free entry; end of what the last drawing used */

u8 flag_get(const u8 *base, u16 n)
{
    return (base[n >> 3] >> (n & 7)) & 1;
}

void flag_put(u8 *base, u16 n, u8 v)
{
    u8 bit = 1 << (n & 7);
    base += n >> 3;
    *base = v ? (*base | bit) : (*base & ~bit);
}

u8 object_visible(u8 i)
{
    return S1(i, SP_IMAGE) != HIDDEN;
}

/* Hides or shows now; the missable flag keeps it so. */
void object_set_hidden(u8 i, u8 hidden)
{
    if (persons[i].missable != NO_MISSABLE)
        flag_put(wMissableObjectFlags, persons[i].missable, hidden);
    S1(i, SP_IMAGE) = hidden ? HIDDEN : S1(i, SP_FACING);
}

static u8 starts_hidden(const Person *p)
{
    if (p->flags & PF_HIDDEN_IF)
        return EVENT(p->event);
    if (p->flags & PF_SHOWN_IF)
        return !EVENT(p->event);
    return p->missable != NO_MISSABLE && flag_get(wMissableObjectFlags, p->missable);
}

/* The player and the exclamation mark stay in video memory for ever. */
void objects_init(void)
{
    const Picture *p = &pictures[0];
    far_unpack(TILES_OBJ, p->addr, p->bank, 384);
    p = &pictures[EMOTE_PICTURE];
    far_unpack(TILES_OBJ + 16 * EMOTE_TILE, p->addr, p->bank, 64);
}

static void load_pictures(void)
{
    u8 i, rec[2];
    u16 dst;
    const Picture *p;
    for (i = 0; i < head.nPictures; i++) {
        far_copy(rec, head.pictures + i * 3, mapBank, 2);
        p = &pictures[rec[0]];
        dst = TILES_OBJ + ((u16)far_read(head.pictures + i * 3 + 2, mapBank) << 4);
        far_unpack(dst, p->addr, p->bank, (u16)rec[1] << 6);
    }
}

static void clear_sprites(void)
{
    u8 i = 16;
    do {
        wSpriteStateData1[i] = 0;
        wSpriteStateData2[i] = 0;
    } while (++i);
    for (i = 0; i < MAX_OBJECTS; i++)
        walkLeft[i] = 0;
}

void objects_load(void)
{
    u8 i, n = head.nPersons;
    u8 *list = wMissableObjectList;
    Person *p = &persons[1];
    clear_sprites();
    S1(0, SP_PICTURE) = 1;
    S1(0, SP_YPIX) = 60;
    S1(0, SP_XPIX) = 64;
    wNumSprites = n;
    load_pictures();
    for (i = 1; i <= n; i++, p++) {
        far_copy(p, head.persons + (i - 1) * sizeof(Person), mapBank, sizeof(Person));
        S1(i, SP_PICTURE) = pictures[p->picture].id;
        S1(i, SP_FACING) = p->facing;
        S2(i, SP_MAPX) = p->x + 4;
        S2(i, SP_MAPY) = p->y + 4;
        object_set_hidden(i, starts_hidden(p));
        if (p->missable == NO_MISSABLE)
            continue;
        *list++ = i;
        *list++ = p->missable;
    }
    *list = 0xFF;
}

/* Number of the visible person at a place, 0 for none. */
u8 object_at(u8 x, u8 y)
{
    u8 i;
    x += 4;
    y += 4;
    for (i = wNumSprites; i; i--)
        if (S2(i, SP_MAPX) == x && S2(i, SP_MAPY) == y && object_visible(i))
            return i;
    return 0;
}

static void put_object(u8 x, u8 y, u8 tile, u8 flip)
{
    *oam++ = y;
    *oam++ = x;
    *oam++ = flip ? tile + 2 : tile;
    *oam++ = flip;
    *oam++ = y;
    *oam++ = x + 8;
    *oam++ = flip ? tile : tile + 2;
    *oam++ = flip;
}

static u8 frame_tile(u8 facing)
{
    if (facing == FACE_RIGHT)
        facing = FACE_LEFT;
    return facing;
}

static void draw_sprite(u8 sx, u8 sy, u8 facing, u8 tile, u8 walk)
{
    u8 flip = facing == FACE_RIGHT ? 0x20 : 0;
    tile += frame_tile(facing);
    if (walk & 1) {
        tile += 12;
        if ((walk & 2) && facing < FACE_LEFT)
            flip = 0x20;
    }
    put_object(sx + 8, sy + 12, tile, flip);
}

/* Covered by the window that is open. */
static u8 covered(u8 sx, u8 sy)
{
    if (uiMode == UI_DIALOG)
        return sy >= 84;
    return uiMode == UI_SIDE && sx >= 72;
}

static void draw_person(u8 i)
{
    u8 facing = S1(i, SP_FACING), left = walkLeft[i], walk = 0, sx, sy;
    sx = S2(i, SP_MAPX) - wXCoord;
    sy = S2(i, SP_MAPY) - wYCoord;
    if ((u8)(sx + 2) > 13 || (u8)(sy + 2) > 12)
        return;
    sx = (sx << 4) + cameraX;
    sy = (sy << 4) - 4 + cameraY;
    if (left) {
        if ((persons[i].flags & PF_WALKS) && (left & 4))
            walk = (left & 8) ? 3 : 1;
        if (facing == FACE_LEFT || facing == FACE_UP)
            left = -left;
        if (facing >= FACE_LEFT)
            sx -= left;
        else
            sy -= left;
    }
    S1(i, SP_XPIX) = sx;
    S1(i, SP_YPIX) = sy;
    if ((u8)(sx + 16) > 176 || (u8)(sy + 16) > 160 || covered(sx, sy))
        return;
    draw_sprite(sx, sy, facing, persons[i].tile, walk);
}

void objects_draw(void)
{
    u8 i, n;
    u8 *end;
    oam = wShadowOAM;
    if (uiMode != UI_FULL) {
        if (emoteSprite)
            put_object(S1(emoteSprite, SP_XPIX) + 8, S1(emoteSprite, SP_YPIX) - 4, EMOTE_TILE, 0);
        draw_sprite(64, 60 + hopY, S1(0, SP_FACING), 0, playerWalk);
        n = wNumSprites;
        for (i = 1; i <= n; i++)
            if (object_visible(i))
                draw_person(i);
    }
    end = oam;
    while (oam < oamEnd) {
        *oam = 0;
        oam += 4;
    }
    oamEnd = end;
    oamDirty = 1;
}

/* Moves a person one cell; objects_advance() draws the way. */
void object_step(u8 i, u8 facing)
{
    S1(i, SP_FACING) = facing;
    S1(i, SP_IMAGE) = facing;
    S2(i, SP_MAPX) += dir_dx(facing);
    S2(i, SP_MAPY) += dir_dy(facing);
    walkLeft[i] = 16;
}

static void wander(u8 i)
{
    u8 r = rnd(), facing = r & 12, x, y;
    if (r & 0x30)
        return;
    x = S2(i, SP_MAPX) - 4 + dir_dx(facing);
    y = S2(i, SP_MAPY) - 4 + dir_dy(facing);
    if ((u8)(x - persons[i].x + 2) > 4 || (u8)(y - persons[i].y + 2) > 4)
        return;
    if (!person_may_enter(x, y))
        return;
    object_step(i, facing);
}

/* Wanderers move only while the player walks, so that a waiting game stands still. */
void objects_wander(void)
{
    u8 i;
    for (i = wNumSprites; i; i--)
        if ((persons[i].flags & PF_WANDER) && object_visible(i))
            wander(i);
}

void objects_advance(void)
{
    u8 i;
    for (i = wNumSprites; i; i--)
        if (walkLeft[i])
            walkLeft[i]--;
}
