; Start-up code, the VBlank handler and everything that must run from bank 0.
; Helpers called from C take their arguments on the stack (__sdcccall(0)).

        .module crt0
        .globl  _main, _vqLen, _vqLock, _oamDirty, _vblDone
        .globl  _scrollX, _scrollY, _winX, _winY
        .globl  _joyHeld, _joyPressed, _frames, _cellTable

JOYIGNORE = 0xCD6B
READY     = 0xDEF0
RNG_ADD   = 0xD3
RNG_SUB   = 0xD4
RNG_LO    = 0x90
RNG_HI    = 0x91
QUEUE     = 0xC000
UNPACK_LO = 0x92
UNPACK_HI = 0x93
ROWS_LEFT = 0x94

        .area   _HEADER (ABS)
        .org    0x40
        jp      vblank
        .org    0x48
        reti
        .org    0x50
        reti
        .org    0x58
        reti
        .org    0x60
        reti
        .org    0x100
        nop
        jp      start
        .org    0x150
start::
        di
        ld      sp, #0xDFFF
        ld      hl, #0xC000             ; clear WRAM
        ld      bc, #0x1FF0
1$:     xor     a
        ld      (hl+), a
        dec     bc
        ld      a, b
        or      c
        jr      nz, 1$
        ld      hl, #0xFF80             ; clear HRAM
2$:     xor     a
        ld      (hl+), a
        ld      a, l
        cp      #0xFF
        jr      nz, 2$
        ld      hl, #dma_code           ; the copy routine must run from HRAM
        ld      c, #0x80
        ld      b, #dma_end - dma_code
3$:     ld      a, (hl+)
        ldh     (c), a
        inc     c
        dec     b
        jr      nz, 3$
        ld      a, #1
        ld      (0x2000), a
        ldh     (RNG_LO), a
        ld      a, #1
        ldh     (0xFF), a               ; VBlank interrupt only
        xor     a
        ldh     (0x0F), a
        call    _main
4$:     halt
        nop
        jr      4$

dma_code:
        ld      a, #0xC3
        ldh     (0x46), a
        ld      a, #0x28
5$:     dec     a
        jr      nz, 5$
        ret
dma_end:

vblank:
        push    af
        push    bc
        push    de
        push    hl
        ld      a, (_vqLen)
        or      a
        jr      z, 3$
        ld      a, (_vqLock)
        or      a
        jr      nz, 3$
        ld      hl, #QUEUE              ; entries: count, address, bytes; count 0 ends
1$:     ld      a, (hl+)
        or      a
        jr      z, 2$
        ld      c, a
        ld      a, (hl+)
        ld      e, a
        ld      a, (hl+)
        ld      d, a
4$:     ld      a, (hl+)
        ld      (de), a
        inc     de
        dec     c
        jr      nz, 4$
        jr      1$
2$:     ld      (_vqLen), a
        ld      (QUEUE), a
3$:     ld      a, (_scrollX)
        ldh     (0x43), a
        ld      a, (_scrollY)
        ldh     (0x42), a
        ld      a, (_winX)
        ldh     (0x4B), a
        ld      a, (_winY)
        ldh     (0x4A), a
        ld      a, (_oamDirty)
        or      a
        jr      z, 5$
        xor     a
        ld      (_oamDirty), a
        call    0xFF80
5$:     ld      a, #0x20                ; directions
        ldh     (0x00), a
        ldh     a, (0x00)
        ldh     a, (0x00)
        cpl
        and     #0x0F
        swap    a
        ld      b, a
        ld      a, #0x10                ; buttons
        ldh     (0x00), a
        ldh     a, (0x00)
        ldh     a, (0x00)
        ldh     a, (0x00)
        cpl
        and     #0x0F
        or      b
        ld      b, a                    ; down up left right start select b a
        ld      a, #0x30
        ldh     (0x00), a
        ld      a, (JOYIGNORE)
        cpl
        and     b
        ld      b, a
        ldh     (0xB4), a               ; hJoyHeld
        ld      a, (_joyHeld)
        cpl
        and     b
        ld      c, a
        ld      a, (_joyPressed)
        or      c
        ld      (_joyPressed), a
        ld      a, b
        ld      (_joyHeld), a
        call    rng_step
        ld      hl, #_frames
        inc     (hl)
        ld      a, #1
        ld      (_vblDone), a
        pop     hl
        pop     de
        pop     bc
        pop     af
        reti

; state = state * 5 + 0x3619, mixed into the two bytes Red keeps
rng_step:
        ldh     a, (RNG_LO)
        ld      e, a
        ld      l, a
        ldh     a, (RNG_HI)
        ld      d, a
        ld      h, a
        add     hl, hl
        add     hl, hl
        add     hl, de
        ld      de, #0x3619
        add     hl, de
        ld      a, l
        ldh     (RNG_LO), a
        ld      a, h
        ldh     (RNG_HI), a
        ldh     a, (RNG_ADD)
        add     a, h
        ldh     (RNG_ADD), a
        ld      b, a
        ldh     a, (RNG_SUB)
        sub     a, l
        rrca
        xor     b
        ldh     (RNG_SUB), a
        ret

        .area   _HOME
        .area   _CODE
; u8 rnd(void): the next random byte
_rnd::
        di
        call    rng_step
        ei
        ld      e, a
        ret

; void wait_frame(void): sleep until the next VBlank
_wait_frame::
        xor     a
        ld      (_vblDone), a
1$:     halt
        nop
        ld      a, (_vblDone)
        or      a
        jr      z, 1$
        ret

; u8 far_read(u16 src, u8 bank)
_far_read::
        ldhl    sp, #2
        ld      a, (hl+)
        ld      e, a
        ld      a, (hl+)
        ld      d, a
        ld      a, (hl)
        ld      (0x2000), a
        ld      a, (de)
        ld      e, a
        ld      a, #1
        ld      (0x2000), a
        ret

; void far_copy(void *dst, u16 src, u8 bank, u16 n); n > 0
_far_copy::
        push    bc
        ldhl    sp, #8
        ld      a, (hl+)
        ld      (0x2000), a
        ld      a, (hl+)
        ld      c, a
        ld      b, (hl)
        ldhl    sp, #6
        ld      a, (hl+)
        ld      e, a
        ld      d, (hl)
        ldhl    sp, #4
        ld      a, (hl+)
        ld      h, (hl)
        ld      l, a
        inc     b
        inc     c
        jr      2$
1$:     ld      a, (de)
        inc     de
        ld      (hl+), a
2$:     dec     c
        jr      nz, 1$
        dec     b
        jr      nz, 1$
        ld      a, #1
        ld      (0x2000), a
        pop     bc
        ret

; void far_unpack(u16 dst, u16 src, u8 bank, u16 n): tools/pack.py's format into video memory while
; the picture is shown, until n bytes are written. 0-127: that many + 1 bytes follow; 128-255:
; repeat (value - 126) bytes from (next byte + 1) bytes back.
_far_unpack::
        push    bc
        ldhl    sp, #8
        ld      a, (hl+)
        ld      (0x2000), a
        ld      a, (hl+)
        ld      c, a
        ld      b, (hl)
        ldhl    sp, #6
        ld      a, (hl+)
        ld      e, a
        ld      d, (hl)
        ldhl    sp, #4
        ld      a, (hl+)
        ld      h, (hl)
        ld      l, a
        push    hl
        add     hl, bc
        ld      a, l
        ldh     (UNPACK_LO), a
        ld      a, h
        ldh     (UNPACK_HI), a
        pop     hl
1$:     ld      a, (de)
        inc     de
        bit     7, a
        jr      nz, 3$
        inc     a
        ld      b, a
2$:     ldh     a, (0x41)               ; after the test at least 20 cycles of access remain
        and     #2
        jr      nz, 2$
        ld      a, (de)
        ld      (hl+), a
        inc     de
        dec     b
        jr      nz, 2$
        jr      5$
3$:     sub     #126
        ld      b, a
        ld      a, (de)
        inc     de
        push    de
        cpl
        ld      e, a
        ld      d, #0xFF
        push    hl
        add     hl, de
        ld      d, h
        ld      e, l
        pop     hl
4$:     ldh     a, (0x41)
        and     #2
        jr      nz, 4$
        ld      a, (de)
        ld      (hl+), a
        inc     de
        dec     b
        jr      nz, 4$
        pop     de
5$:     ldh     a, (UNPACK_LO)
        cp      l
        jr      nz, 1$
        ldh     a, (UNPACK_HI)
        cp      h
        jr      nz, 1$
        ld      a, #1
        ld      (0x2000), a
        pop     bc
        ret

; void far_vram(u16 dst, u16 src, u8 bank, u16 n): like far_copy into video memory while the
; picture is shown; n even. After the test at least 20 cycles of access remain.
_far_vram::
        push    bc
        ldhl    sp, #8
        ld      a, (hl+)
        ld      (0x2000), a
        ld      a, (hl+)
        ld      c, a
        ld      b, (hl)
        srl     b
        rr      c
        ldhl    sp, #6
        ld      a, (hl+)
        ld      e, a
        ld      d, (hl)
        ldhl    sp, #4
        ld      a, (hl+)
        ld      h, (hl)
        ld      l, a
        inc     b
        inc     c
        jr      2$
1$:     ldh     a, (0x41)
        and     #2
        jr      nz, 1$
        ld      a, (de)
        ld      (hl+), a
        inc     de
        ld      a, (de)
        ld      (hl+), a
        inc     de
2$:     dec     c
        jr      nz, 1$
        dec     b
        jr      nz, 1$
        ld      a, #1
        ld      (0x2000), a
        pop     bc
        ret

; void shift_tiles(u8 *dst, const u8 *src, u16 n): forward copy inside wTileMap
_shift_tiles::
        push    bc
        ldhl    sp, #8
        ld      a, (hl+)
        ld      c, a
        ld      b, (hl)
        ldhl    sp, #6
        ld      a, (hl+)
        ld      e, a
        ld      d, (hl)
        ldhl    sp, #4
        ld      a, (hl+)
        ld      h, (hl)
        ld      l, a
        inc     b
        inc     c
        jr      2$
1$:     ld      a, (de)
        inc     de
        ld      (hl+), a
2$:     dec     c
        jr      nz, 1$
        dec     b
        jr      nz, 1$
        pop     bc
        ret

; void shift_tiles_back(u8 *dst_end, const u8 *src_end, u16 n): copies downwards from the last byte
_shift_tiles_back::
        push    bc
        ldhl    sp, #8
        ld      a, (hl+)
        ld      c, a
        ld      b, (hl)
        ldhl    sp, #6
        ld      a, (hl+)
        ld      e, a
        ld      d, (hl)
        ldhl    sp, #4
        ld      a, (hl+)
        ld      h, (hl)
        ld      l, a
        inc     b
        inc     c
        jr      2$
1$:     ld      a, (de)
        dec     de
        ld      (hl-), a
2$:     dec     c
        jr      nz, 1$
        dec     b
        jr      nz, 1$
        pop     bc
        ret

; void grid_unpack(u8 *to, u16 grid, u8 bank, u8 h): all cells of a map (format: grid.c)
_grid_unpack::
        push    bc
        ldhl    sp, #8
        ld      a, (hl+)
        ld      (0x2000), a
        ld      a, (hl)
        ldh     (ROWS_LEFT), a
        ldhl    sp, #6
        ld      a, (hl+)
        ld      e, a
        ld      d, (hl)
        ldhl    sp, #4
        ld      a, (hl+)
        ld      h, (hl)
        ld      l, a
1$:     ld      a, (de)
        inc     de
        ld      b, a
2$:     ld      a, (de)
        inc     de
        ld      c, a
        swap    a
        rrca
        and     #7
        inc     a
        push    bc
        ld      b, a
        ld      a, c
        and     #31
3$:     ld      (hl+), a
        dec     b
        jr      nz, 3$
        pop     bc
        dec     b
        jr      nz, 2$
        ldh     a, (ROWS_LEFT)
        dec     a
        ldh     (ROWS_LEFT), a
        jr      nz, 1$
        ld      a, #1
        ld      (0x2000), a
        pop     bc
        ret

; void put_cells(u8 *dst, const u8 *cells, u8 n, u16 next): draws cells into wTileMap from records of
; 5 bytes at cellTable (four tiles, behaviour); next = bytes from one cell's place to the next, less 21
_put_cells::
        push    bc
        ldhl    sp, #8
        ld      a, (hl+)
        ldh     (ROWS_LEFT), a
        ld      a, (hl+)
        ld      c, a
        ld      b, (hl)
        ldhl    sp, #6
        ld      a, (hl+)
        ld      e, a
        ld      d, (hl)
        ldhl    sp, #4
        ld      a, (hl+)
        ld      h, (hl)
        ld      l, a
1$:     ld      a, (de)
        inc     de
        push    de
        ld      e, a
        add     a, a
        add     a, a
        add     a, e
        ld      e, a
        ld      a, (_cellTable)
        add     a, e
        ld      e, a
        ld      a, (_cellTable + 1)
        adc     a, #0
        ld      d, a
        ld      a, (de)
        ld      (hl+), a
        inc     de
        ld      a, (de)
        ld      (hl), a
        inc     de
        ld      a, l
        add     a, #19
        ld      l, a
        jr      nc, 2$
        inc     h
2$:     ld      a, (de)
        ld      (hl+), a
        inc     de
        ld      a, (de)
        ld      (hl), a
        add     hl, bc
        pop     de
        ldh     a, (ROWS_LEFT)
        dec     a
        ldh     (ROWS_LEFT), a
        jr      nz, 1$
        pop     bc
        ret

; void column_to_queue(u16 address, const u8 *src): 18 entries of two bytes, from 18 rows of wTileMap to
; 18 rows of the background
_column_to_queue::
        push    bc
        ldhl    sp, #4
        ld      a, (hl+)
        ld      c, a
        ld      a, (hl+)
        ld      b, a
        ld      a, (hl+)
        ld      e, a
        ld      d, (hl)
        ld      hl, #QUEUE
        ld      a, #18
        ldh     (ROWS_LEFT), a
1$:     ld      a, #2
        ld      (hl+), a
        ld      a, c
        ld      (hl+), a
        ld      a, b
        ld      (hl+), a
        ld      a, (de)
        ld      (hl+), a
        inc     de
        ld      a, (de)
        ld      (hl+), a
        ld      a, e
        add     a, #19
        ld      e, a
        jr      nc, 2$
        inc     d
2$:     ld      a, c
        add     a, #32
        ld      c, a
        jr      nc, 3$
        inc     b
        ld      a, b
        and     #3
        or      #0x98
        ld      b, a
3$:     ldh     a, (ROWS_LEFT)
        dec     a
        ldh     (ROWS_LEFT), a
        jr      nz, 1$
        xor     a
        ld      (hl), a
        pop     bc
        ret

; Places that outside tools hook: reached exactly when the named thing happens.
        .macro  mark name
_'name::
        ret
        .endm

        mark    mark_blackout_map
        mark    mark_sprite_text
        mark    mark_hidden_object
        mark    mark_warp
        mark    mark_ball
        mark    mark_cut_yes
        mark    mark_cut_no
        mark    mark_item_chosen
        mark    mark_stats_page
_mark_sign::
        nop                             ; tools hook one byte before the label
_mark_sign_retry::
        ret
_mark_encounter::
        nop                             ; tools hook eight bytes after the label
        nop
        nop
        nop
        nop
        nop
        nop
        nop
        ret

        .area   _DATA
        .area   _BSS
        .area   _INITIALIZED
        .area   _INITIALIZER
        .area   _GSINIT
        .area   _GSFINAL
