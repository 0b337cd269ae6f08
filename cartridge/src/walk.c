/* Walking about: keys, steps, collisions, ledges, warps, what happens on arrival. */
#include "walk.h"
#include "battle.h"
#include "interact.h"
#include "map.h"
#include "menus.h"
#include "objects.h"
#include "party.h"
#include "script.h"
#include "ui.h"

#define STEP_PIXELS 16
#define BUMP_FRAMES 4
#define PREPARE_FRAMES 2

static u8 legs;

static u8 front_x(void)
{
    return wXCoord + dir_dx(S1(0, SP_FACING));
}

static u8 front_y(void)
{
    return wYCoord + dir_dy(S1(0, SP_FACING));
}

void update_front_tile(void)
{
    wTileInFrontOfPlayer = cell_tile(cell_at((s8)front_x(), (s8)front_y()));
}

static void turn(u8 facing)
{
    static const u8 red_directions[4] = {4, 8, 2, 1}; /* down up left right */
    S1(0, SP_FACING) = facing;
    S1(0, SP_IMAGE) = facing;
    wPlayerDirection = red_directions[facing >> 2];
    update_front_tile();
}

void player_face(u8 facing)
{
    turn(facing);
    objects_draw();
}

static u8 walkable(u8 behaviour)
{
    return behaviour == BH_WALK || behaviour == BH_GRASS || behaviour == BH_DOOR || behaviour == BH_MAT;
}

u8 person_may_enter(u8 x, u8 y)
{
    u8 b;
    if (x >= head.w || y >= head.h || (x == wXCoord && y == wYCoord) || object_at(x, y))
        return 0;
    b = cell_behaviour(cell_at((s8)x, (s8)y));
    return b == BH_WALK || b == BH_GRASS;
}

/* One frame of a step: d pixels nearer to the end. */
static void scroll_frame(u8 facing, u8 d)
{
    s8 dx = dir_dx(facing), dy = dir_dy(facing);
    if (d == 2) {
        dx <<= 1;
        dy <<= 1;
    }
    scrollX += dx;
    scrollY += dy;
    cameraX -= dx;
    cameraY -= dy;
    objects_advance();
    objects_draw();
    wait_frame();
}

static void scroll_step(u8 facing, u8 d)
{
    u8 i;
    cameraX = dir_dx(facing) << 4;
    cameraY = dir_dy(facing) << 4;
    load_mark();
    map_scroll(facing);
    load_end(PREPARE_FRAMES);
    for (i = 0; i < STEP_PIXELS; i += d) {
        wWalkCounter = (STEP_PIXELS - i) >> 1;
        playerWalk = (i & 8) ? 0 : legs | 1;
        scroll_frame(facing, d);
    }
    legs ^= 2;
    wWalkCounter = 0;
    playerWalk = 0;
}

static void step_scroll_only(u8 facing)
{
    wPlayerMovingDirection = 1;
    scroll_step(facing, 1);
    update_front_tile();
    objects_draw();
    wPlayerMovingDirection = 0;
}

/* Steps without asking whether the way is free. */
void player_walk(u8 facing)
{
    turn(facing);
    wXCoord += dir_dx(facing);
    wYCoord += dir_dy(facing);
    step_scroll_only(facing);
}

static void hop_ledge(void)
{
    u8 i;
    wMovementFlags |= 0x40;
    for (i = 0; i < 2; i++) {
        hopY = -4;
        wYCoord++;
        scroll_step(FACE_DOWN, 2);
    }
    hopY = 0;
    wMovementFlags &= ~0x40;
    update_front_tile();
    objects_draw();
}

static void bump(void)
{
    playerWalk = 1;
    objects_draw();
    wait_frames(BUMP_FRAMES);
    playerWalk = 0;
    objects_draw();
}

/* Moves a person by script, n cells, through anything. */
void person_walk(u8 i, u8 facing, u8 n)
{
    u8 f;
    while (n--) {
        object_step(i, facing);
        for (f = 0; f < STEP_PIXELS; f++) {
            objects_advance();
            objects_draw();
            wait_frame();
        }
    }
}

void player_warp(u8 map, u8 x, u8 y)
{
    map_enter(map, x, y);
    if (cell_behaviour(cell_at((s8)x, (s8)y)) == BH_DOOR && head.outdoor && !object_at(x, y + 1)
        && cell_behaviour(cell_at((s8)x, (s8)(y + 1))) == BH_WALK) {
        wJoyIgnore = 0xFF;
        player_walk(FACE_DOWN);
        wJoyIgnore = 0;
    }
    update_front_tile();
}

static u8 take_warp(void)
{
    Warp w;
    u8 n = warp_find(wXCoord, wYCoord, &w);
    if (n == 0xFF)
        return 0;
    wDestinationWarpID = n;
    hWarpDestinationMap = w.map;
    mark_warp();
    wWarpedFromWhichMap = wCurMap;
    player_warp(w.map, w.dx, w.dy);
    return 1;
}

static u8 crossing_side(void)
{
    u8 x = front_x(), y = front_y();
    if (y == 0xFF)
        return 0;
    if (y >= head.h)
        return 1;
    if (x == 0xFF)
        return 2;
    return x >= head.w ? 3 : 0xFF;
}

/* Leaves the map over its edge when the neighbour lets us in; 1 when it did. */
static u8 cross_edge(u8 side)
{
    const Connection *c = &head.conn[side];
    u8 facing = S1(0, SP_FACING), x = wXCoord, y = wYCoord;
    if (c->map == NO_MAP || !walkable(cell_behaviour(cell_at((s8)front_x(), (s8)front_y()))))
        return 0;
    if (side < 2) {
        x += c->offset;
        y = side ? 0 : c->h - 1;
    } else {
        y += c->offset;
        x = side == 3 ? 0 : c->w - 1;
    }
    map_cross(c->map, x, y);
    step_scroll_only(facing);
    return 1;
}

/* Tries a step; 1 when the player stands on another cell now. */
static u8 try_step(u8 facing)
{
    u8 b, side, x, y;
    turn(facing);
    side = crossing_side();
    if (side != 0xFF) {
        if (cell_behaviour(cell_at((s8)wXCoord, (s8)wYCoord)) == BH_MAT && facing == FACE_DOWN && take_warp())
            return 0;
        if (cross_edge(side))
            return 1;
        bump();
        return 0;
    }
    x = front_x();
    y = front_y();
    b = cell_behaviour(cell_at((s8)x, (s8)y));
    if (b == BH_LEDGE && facing == FACE_DOWN && person_may_enter(x, y + 1)) {
        hop_ledge();
        return 1;
    }
    if (!walkable(b) || object_at(x, y)) {
        if (cell_behaviour(cell_at((s8)wXCoord, (s8)wYCoord)) == BH_MAT && facing == FACE_DOWN && take_warp())
            return 0;
        bump();
        return 0;
    }
    objects_wander();
    player_walk(facing);
    return 1;
}

static void count_repel(void)
{
    if (!wRepelRemainingSteps)
        return;
    if (!--wRepelRemainingSteps) {
        say("The leaf's scent\nhas faded.");
        ui_close();
    }
}

static u8 wild_here(u8 behaviour)
{
    if (!head.nMons || !wPartyCount)
        return 0;
    if (head.encKind == ENC_GRASS && behaviour != BH_GRASS)
        return 0;
    return rnd() < head.encRate;
}

/* Everything that can happen on the cell the player has just reached. */
static void arrive(void)
{
    u8 b = cell_behaviour(cell_at((s8)wXCoord, (s8)wYCoord)), n;
    if (b != BH_MAT && take_warp())
        return;
    n = entry_find(head.steps, head.nSteps, wXCoord, wYCoord);
    if (n != 0xFF) {
        script_step(n);
        return;
    }
    if (party_poison_step()) {
        player_blackout();
        return;
    }
    count_repel();
    if (trainers_look())
        return;
    if (wild_here(b))
        battle_wild();
}

static u8 held_facing(u8 k)
{
    if (k & KEY_DOWN)
        return FACE_DOWN;
    if (k & KEY_UP)
        return FACE_UP;
    if (k & KEY_LEFT)
        return FACE_LEFT;
    return FACE_RIGHT;
}

/* The world: waits for a key and does it, for ever. */
void world_run(void)
{
    u8 k;
    for (;;) {
        k = (joyHeld & KEY_DIRS) | (joyPressed & (KEY_A | KEY_START));
        if (!k) {
            gameReady = 1;
            wait_frame();
            k = (joyHeld & KEY_DIRS) | (joyPressed & (KEY_A | KEY_START | KEY_DIRS));
            if (!k)
                continue;
        }
        gameReady = 0;
        joyPressed = 0;
        if (k & KEY_START)
            start_menu();
        else if (k & KEY_A)
            interact(front_x(), front_y());
        else if (try_step(held_facing(k)))
            arrive();
    }
}

/* Everybody has fainted: half the money, back to the last healer. */
void player_blackout(void)
{
    u8 map = blackout_map();
    wIsInBattle = 0xFF;
    money_halve();
    say("All friends are\nworn out!\fYou hurry back\nto a safe bed.");
    party_heal();
    palette_off();
    uiMode = UI_NONE;
    wFontLoaded &= ~1;
    winY = WIN_OFF;
    tileset_forget();
    map_head(map);
    map_enter(map, head.blackX, head.blackY);
    wIsInBattle = 0;
    player_face(FACE_DOWN);
}
