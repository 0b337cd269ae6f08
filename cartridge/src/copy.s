; Reading and unpacking the data banks, drawing cells: everything here must lie in bank 0.
; Arguments are on the stack (__sdcccall(0)).

        .module copy
        .globl  _cellTable

QUEUE     = 0xC000
UNPACK_LO = 0x92
UNPACK_HI = 0x93
ROWS_LEFT = 0x94

        .area   _CODE
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
