/* The party list, stats pages and the log of species. */
#include "menus.h"
#include "battle.h"
#include "gen_data.h"
#include "objects.h"
#include "party.h"
#include "ui.h"

#define DEX_ROWS 7
#define MORE 0xFF

static void member_row(u8 i)
{
    const u8 *m = PARTY(i);
    u8 y = 2 * i;
    u16 hp = be_get(m + M_HP), max = be_get(m + M_MAXHP);
    ui_str(2, y, species_by_id(m[M_SPECIES])->name);
    ui_level(13, y, m[M_LEVEL]);
    if (m[M_STATUS])
        ui_str(17, y, m[M_STATUS] & ST_POISON ? "PSN" : "SLP");
    hp_bar(3, y + 1, hp, max);
    ui_num(12, y + 1, hp, 3);
    TILE_AT(15, y + 1) = CHAR_TILE('/');
    ui_num(16, y + 1, max, 3);
}

static void draw_party(const char *prompt)
{
    u8 i;
    ui_open(UI_FULL);
    for (i = 0; i < wPartyCount; i++)
        member_row(i);
    ui_box(0, 14, 20, 4);
    ui_str(1, 15, prompt);
    ui_flush_all();
    ui_show();
}

/* Full-screen list, the cursor on member `first`; the member's number or CANCEL. */
u8 party_menu_choose(const char *prompt, u8 first)
{
    u8 n;
    draw_party(prompt);
    if (!wPartyCount) {
        wait_key(KEY_A | KEY_B);
        return CANCEL;
    }
    n = menu_choose(0, 0, wPartyCount, 2, first);
    wWhichPokemon = n;
    return n;
}

static void stat_line(u8 y, const char *name, const u8 *v)
{
    ui_str(2, y, name);
    ui_num(13, y, be_get(v), 4);
}

/* Stats of one member on one page, its moves below. */
static void stats_page(const u8 *m)
{
    u8 i;
    const Species *s = species_by_id(m[M_SPECIES]);
    ui_open(UI_FULL);
    ui_box(0, 0, 20, 18);
    ui_str(2, 1, s->name);
    ui_level(13, 1, m[M_LEVEL]);
    stat_line(3, "Max HP", m + M_MAXHP);
    stat_line(4, "Attack", m + M_ATTACK);
    stat_line(5, "Defense", m + M_DEFENSE);
    stat_line(6, "Speed", m + M_SPEED);
    stat_line(7, "Special", m + M_SPECIAL);
    ui_str(2, 9, "Type");
    ui_str(10, 9, type_name(m[M_TYPE1]));
    if (m[M_TYPE2] != m[M_TYPE1])
        ui_str(10, 10, type_name(m[M_TYPE2]));
    for (i = 0; i < 4 && m[M_MOVES + i]; i++) {
        ui_str(2, 12 + i, move_by_id(m[M_MOVES + i])->name);
        ui_num(15, 12 + i, m[M_PP + i], 2);
    }
    ui_flush_all();
    ui_show();
    wait_key(KEY_A | KEY_B);
}

static void swap_with(u8 n)
{
    u8 other = party_menu_choose("Swap with whom?", 0);
    if (other != CANCEL && other != n)
        party_swap(n, other);
}

static u8 stats_or_swap(void)
{
    ui_box(11, 12, 9, 6);
    ui_str(13, 14, "Stats");
    ui_str(13, 16, "Swap");
    ui_flush(12, 6);
    wait_frame();
    return menu_choose(12, 14, 2, 2, 0);
}

void party_pages(void)
{
    u8 n, k;
    for (;;) {
        n = party_menu_choose(wPartyCount ? "Your party." : "Nobody is with you", 0);
        if (n == CANCEL)
            return;
        k = stats_or_swap();
        if (k == 0) {
            mark_stats_page();
            stats_page(PARTY(n));
        } else if (k == 1) {
            swap_with(n);
        }
    }
}

static void dex_entry(const Species *s)
{
    ui_open(UI_FULL);
    ui_box(0, 0, 20, 18);
    ui_str(2, 2, s->name);
    ui_str(2, 4, type_name(s->types[0]));
    if (s->types[1] != s->types[0])
        ui_str(11, 4, type_name(s->types[1]));
    if (flag_get(wPokedexOwned, s->dex - 1))
        ui_far(1, 8, s->about, s->aboutBank);
    else
        ui_str(1, 8, "Only seen so far.");
    ui_flush_all();
    ui_show();
    wait_key(KEY_A | KEY_B);
}

static u8 dex_listed(const Species *s)
{
    return flag_get(wPokedexSeen, s->dex - 1);
}

/* Is another species listed behind this one? */
static u8 dex_more(u8 i)
{
    while (++i < N_SPECIES)
        if (dex_listed(&species[i]))
            return 1;
    return 0;
}

/* Draws the listed species from the top-th on and "More..." when some are left; returns the number of lines. */
static u8 dex_page(u8 top, u8 *shown)
{
    u8 i, n = 0;
    ui_open(UI_FULL);
    ui_box(0, 0, 20, 18);
    ui_str(2, 1, "FIELD LOG");
    for (i = 0; i < N_SPECIES; i++) {
        if (!dex_listed(&species[i]))
            continue;
        if (top) {
            top--;
            continue;
        }
        shown[n] = i;
        if (n == DEX_ROWS - 1 && dex_more(i)) {
            shown[n] = MORE;
            ui_str(3, 3 + 2 * n++, "More...");
            break;
        }
        ui_str(3, 3 + 2 * n, species[i].name);
        if (flag_get(wPokedexOwned, species[i].dex - 1))
            TILE_AT(15, 3 + 2 * n) = T_OWNED;
        n++;
    }
    if (!n)
        ui_str(3, 3, "Still empty.");
    ui_flush_all();
    ui_show();
    return n;
}

/* The log: A looks at an entry or turns the page, B leaves. */
void dex_pages(void)
{
    u8 k, n, top = 0, shown[DEX_ROWS];
    for (;;) {
        n = dex_page(top, shown);
        if (!n) {
            wait_key(KEY_A | KEY_B);
            return;
        }
        k = menu_choose(2, 3, n, 2, 0);
        if (k == CANCEL)
            return;
        if (shown[k] == MORE)
            top += DEX_ROWS - 1;
        else
            dex_entry(&species[shown[k]]);
    }
}
