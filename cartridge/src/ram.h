/* Fixed memory: the addresses and formats of Red, so that code written for Red's memory reads this game too.
 * build.py reads this file for the symbol table and for the overlap check: NAME, address, size in bytes. */
#ifndef RAM_H
#define RAM_H
#include "types.h"

#define BYTE(a) (*(u8 *)(a))
#define BYTES(a, n) ((u8 *)(a))

/* sprites: 16 bytes each, the player first */
#define wSpriteStateData1 BYTES(0xC100, 256)
#define wSpriteStateData2 BYTES(0xC200, 256)
#define wShadowOAM BYTES(0xC300, 160)
#define wTileMap BYTES(0xC3A0, 360)
/* own: the cells of the current map (Red keeps its block buffer here) */
#define gridBuffer BYTES(0xC508, 1780)
/* menus */
#define wCurrentMenuItem BYTE(0xCC26)
#define wMaxMenuItem BYTE(0xCC28)
#define wBagSavedMenuItem BYTE(0xCC2C)
#define wPlayerMonNumber BYTE(0xCC2F)
#define wListScrollOffset BYTE(0xCC36)
#define wFieldMoves BYTES(0xCD3D, 2)
#define wHiddenObjectIndex BYTE(0xCD3F)
#define wJoyIgnore BYTE(0xCD6B)
#define wCurPartySpecies BYTE(0xCF91)
#define wWhichPokemon BYTE(0xCF92)
#define wFontLoaded BYTE(0xCFC4)
#define wWalkCounter BYTE(0xCFC5)
#define wTileInFrontOfPlayer BYTE(0xCFC6)
#define wEnemyMonSpecies2 BYTE(0xCFD8)
/* battle: two structs of 29 bytes with the same layout */
#define wEnemyMon BYTES(0xCFE5, 29)
#define wBattleMon BYTES(0xD014, 29)
#define wTrainerClass BYTE(0xD031)
#define wIsInBattle BYTE(0xD057)
#define wCurOpponent BYTE(0xD059)
#define wBattleType BYTE(0xD05A)
#define wRepelRemainingSteps BYTE(0xD0DB)
#define wCurEnemyLevel BYTE(0xD127)
/* the player */
#define wPlayerName BYTES(0xD158, 11)
#define wPartyCount BYTE(0xD163)
#define wPartySpecies BYTES(0xD164, 7)
#define wPartyMons BYTES(0xD16B, 264)
#define wPokedexOwned BYTES(0xD2F7, 19)
#define wPokedexSeen BYTES(0xD30A, 19)
#define wNumBagItems BYTE(0xD31D)
#define wBagItems BYTES(0xD31E, 41)
#define wPlayerMoney BYTES(0xD347, 3)
#define wOptions BYTE(0xD355)
#define wObtainedBadges BYTE(0xD356)
#define wPlayerID BYTES(0xD359, 2)
#define wMapPalOffset BYTE(0xD35D)
#define wCurMap BYTE(0xD35E)
#define wYCoord BYTE(0xD361)
#define wXCoord BYTE(0xD362)
#define wLastMap BYTE(0xD365)
#define wCurMapTileset BYTE(0xD367)
#define wCurMapHeight BYTE(0xD368)
#define wCurMapWidth BYTE(0xD369)
#define wNumberOfWarps BYTE(0xD3AE)
#define wWarpEntries BYTES(0xD3AF, 128)
#define wDestinationWarpID BYTE(0xD42F)
#define wNumSigns BYTE(0xD4B0)
#define wNumSprites BYTE(0xD4E1)
#define wPlayerMovingDirection BYTE(0xD528)
#define wPlayerDirection BYTE(0xD52A)
#define wMissableObjectFlags BYTES(0xD5A6, 32)
#define wMissableObjectList BYTES(0xD5CE, 33)
#define wSSAnne2FCurScript BYTE(0xD665)
#define wWalkBikeSurfState BYTE(0xD700)
#define wSafariSteps BYTES(0xD70D, 2)
#define wLastBlackoutMap BYTE(0xD719)
#define wStatusFlags1 BYTE(0xD728)
#define wStatusFlags4 BYTE(0xD72E)
#define wStatusFlags5 BYTE(0xD730)
#define wElite4Flags BYTE(0xD734)
#define wMovementFlags BYTE(0xD736)
#define wWarpedFromWhichMap BYTE(0xD73C)
#define wEventFlags BYTES(0xD747, 320)
#define wEnemyPartyCount BYTE(0xD89C)
#define wEnemyPartySpecies BYTES(0xD89D, 7)
#define wEnemyMons BYTES(0xD8A4, 264)
#define wBoxCount BYTE(0xDA80)
/* own: 1 while the game waits for a key */
#define gameReady BYTE(0xDEF0)
/* high memory */
#define hWarpDestinationMap BYTE(0xFF8B)
#define hSpriteIndexOrTextID BYTE(0xFF8C)
#define rngState BYTES(0xFF90, 2)
#define hJoyHeld BYTE(0xFFB4)
#define hRandomAdd BYTE(0xFFD3)
#define hRandomSub BYTE(0xFFD4)

/* hardware */
#define rJOYP (*(volatile u8 *)0xFF00)
#define rLCDC (*(volatile u8 *)0xFF40)
#define rLY (*(volatile u8 *)0xFF44)
#define rBGP (*(volatile u8 *)0xFF47)
#define rOBP0 (*(volatile u8 *)0xFF48)

/* party member, 44 bytes (words are big-endian) */
#define M_SPECIES 0
#define M_HP 1
#define M_BOXLEVEL 3
#define M_STATUS 4
#define M_TYPE1 5
#define M_TYPE2 6
#define M_CATCH 7
#define M_MOVES 8
#define M_OT 12
#define M_EXP 14
#define M_STATEXP 17
#define M_DVS 27
#define M_PP 29
#define M_LEVEL 33
#define M_MAXHP 34
#define M_ATTACK 36
#define M_DEFENSE 38
#define M_SPEED 40
#define M_SPECIAL 42
#define M_SIZE 44

/* member in battle, 29 bytes */
#define B_SPECIES 0
#define B_HP 1
#define B_SLOT 3
#define B_STATUS 4
#define B_TYPE1 5
#define B_TYPE2 6
#define B_CATCH 7
#define B_MOVES 8
#define B_DVS 12
#define B_LEVEL 14
#define B_MAXHP 15
#define B_ATTACK 17
#define B_DEFENSE 19
#define B_SPEED 21
#define B_SPECIAL 23
#define B_PP 25
#define B_SIZE 29

/* status byte */
#define ST_SLEEP 7
#define ST_POISON 8

#define PARTY(i) (wPartyMons + (u16)(i) * M_SIZE)
#define ENEMY(i) (wEnemyMons + (u16)(i) * M_SIZE)

/* sprite state */
#define S1(i, f) wSpriteStateData1[((i) << 4) + (f)]
#define S2(i, f) wSpriteStateData2[((i) << 4) + (f)]
#define SP_PICTURE 0
#define SP_MOVING 1
#define SP_IMAGE 2
#define SP_YPIX 4
#define SP_XPIX 6
#define SP_FACING 9
#define SP_MAPY 4
#define SP_MAPX 5

#define FACE_DOWN 0
#define FACE_UP 4
#define FACE_LEFT 8
#define FACE_RIGHT 12

#endif
