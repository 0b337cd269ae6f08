/* The A button in the world, and trainers that see the player. */
#include "interact.h"
#include "bag.h"
#include "gen_data.h"
#include "map.h"
#include "objects.h"
#include "script.h"
#include "ui.h"
#include "walk.h"

#define TILESET_INDOOR_SIGNS 1 /* tilesets from here on have no sign posts */
#define EMOTE_FRAMES 12
#define BADGE_CUT 1

static u8 opposite(u8 facing)
{
    return facing ^ 4;
}

static void talk(u8 i)
{
    hSpriteIndexOrTextID = i;
    mark_sprite_text();
    if (S1(i, SP_PICTURE) != PICTURE_BALL) {
        S1(i, SP_FACING) = opposite(S1(0, SP_FACING));
        S1(i, SP_IMAGE) = S1(i, SP_FACING);
        objects_draw();
    }
    script_run(persons[i].script);
}

static void read_sign(u8 n)
{
    u16 p = head.signs + n * 4 + 2;
    if (head.tileset == TILESET_OUTDOOR || head.tileset == TILESET_FOREST) {
        hSpriteIndexOrTextID = wNumSprites + 1 + n;
        mark_sign();
    } else {
        wHiddenObjectIndex = n;
        mark_hidden_object();
    }
    script_run(far_read(p, mapBank) | ((u16)far_read(p + 1, mapBank) << 8));
}

static void cut_tree(u8 x, u8 y)
{
    if (!bag_count(ITEM_HM_01) || !((wObtainedBadges >> BADGE_CUT) & 1)) {
        mark_cut_no();
        say("A dense little\nhedge.\fIt could be cut\nwith a tool.");
        ui_close();
        return;
    }
    mark_cut_yes();
    map_set_cell(x, y, CELL_AFTER_CUT);
    map_draw_all();
    say("Snip! The way is\nfree.");
    ui_close();
    update_front_tile();
}

void interact(u8 x, u8 y)
{
    u8 n, b;
    n = object_at(x, y);
    b = cell_behaviour(cell_at((s8)x, (s8)y));
    if (!n && b == BH_COUNTER)
        n = object_at(x + dir_dx(S1(0, SP_FACING)), y + dir_dy(S1(0, SP_FACING)));
    if (n) {
        talk(n);
        return;
    }
    n = entry_find(head.signs, head.nSigns, x, y);
    if (n != 0xFF)
        read_sign(n);
    else if (b == BH_CUT)
        cut_tree(x, y);
}

static u8 sees_through(u8 x, u8 y)
{
    u8 b = cell_behaviour(cell_at((s8)x, (s8)y));
    return (b == BH_WALK || b == BH_GRASS || b == BH_MAT || b == BH_DOOR) && !object_at(x, y);
}

/* Cells from a person to the player along its view; 0 when he is not straight ahead. */
static u8 distance_ahead(u8 i)
{
    u8 dx = wXCoord + 4 - S2(i, SP_MAPX), dy = wYCoord + 4 - S2(i, SP_MAPY);
    switch (S1(i, SP_FACING)) {
    case FACE_DOWN:
        return dx ? 0 : dy;
    case FACE_UP:
        return dx ? 0 : -dy;
    case FACE_LEFT:
        return dy ? 0 : -dx;
    default:
        return dy ? 0 : dx;
    }
}

/* Number of free cells between a trainer and the player; 0xFF when it does not see him. */
static u8 sight_distance(u8 i)
{
    u8 n = distance_ahead(i), left, facing = S1(i, SP_FACING), x, y;
    if (!n || n > persons[i].sight)
        return 0xFF;
    x = S2(i, SP_MAPX) - 4;
    y = S2(i, SP_MAPY) - 4;
    for (left = n - 1; left; left--) {
        x += dir_dx(facing);
        y += dir_dy(facing);
        if (!sees_through(x, y))
            return 0xFF;
    }
    return n - 1;
}

static void challenge(u8 i, u8 steps)
{
    u8 facing = S1(i, SP_FACING);
    wJoyIgnore = 0xFF;
    emoteSprite = i;
    objects_draw();
    wait_frames(EMOTE_FRAMES);
    emoteSprite = 0;
    person_walk(i, facing, steps);
    player_face(opposite(facing));
    wJoyIgnore = 0;
    script_run(persons[i].script);
}

/* Starts the battle with the first trainer that sees the player; 1 when one does. */
u8 trainers_look(void)
{
    u8 i, n;
    if (!wPartyCount)
        return 0;
    for (i = 1; i <= wNumSprites; i++) {
        if (!(persons[i].flags & PF_TRAINER) || !object_visible(i) || EVENT(persons[i].event))
            continue;
        n = sight_distance(i);
        if (n == 0xFF)
            continue;
        challenge(i, n);
        return 1;
    }
    return 0;
}
