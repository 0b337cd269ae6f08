/* Battles: shared by battle.c (flow), turn.c (moves), calc.c (numbers), battleui.c (screen), exp.c (growth). */
#ifndef BATTLE_H
#define BATTLE_H
#include "ram.h"
#include "tables.h"

#define SIDE_PLAYER 0
#define SIDE_ENEMY 1

#define STAGE_ATTACK 0
#define STAGE_DEFENSE 1
#define STAGE_SPEED 2
#define STAGE_SPECIAL 3
#define STAGE_ACCURACY 4
#define STAGES 5

void battle_wild(void);
u8 battle_trainer(u8 n);

extern s8 stages[2][STAGES];
extern u8 *foe; /* the enemy's 44-byte struct */
extern const Trainer *rival;

void pick_wild(u8 *kind, u8 *level);
void make_team(void);
void prize(void);

u8 *fighter(u8 side);
const char *fighter_name(u8 side);
void fighter_sync(u8 side);
void battle_load(u8 *b, const u8 *m, u8 slot);
const Move *player_move(u8 slot);

u8 type_factor(u8 attack, u8 defend);
u16 effective_stat(u8 side, u8 stage);
u8 calc_hits(u8 side, const Move *mv);
u16 calc_damage(u8 side, const Move *mv);
extern u8 lastFactor, lastCritical;
u8 catch_succeeds(u8 ball);
u8 run_succeeds(u8 attempt);

const Move *enemy_move(void);
void use_move(u8 side, const Move *mv);
u8 can_act(u8 side);
void after_turn(u8 side);

void bui_begin(void);
void bui_enemy_picture(void);
void bui_player_picture(void);
void bui_clear_enemy(void);
void bui_clear_player(void);
void bui_status(u8 side);
void bui_show(void);
void bui_blink(u8 side);
u8 bui_menu(void);
u8 bui_moves(const u8 *moves, const u8 *pp);
void hp_bar(u8 x, u8 y, u16 hp, u16 max);

void exp_award(void);
void learn_moves(u8 *m, u8 level);
#endif
