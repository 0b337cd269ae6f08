; Start-up code, the VBlank handler and everything that must run from bank 0.
; Helpers called from C take their arguments on the stack (__sdcccall(0)).

        .module crt0
        .globl  _main, _vqLen, _vqLock, _oamDirty, _vblDone
        .globl  _scrollX, _scrollY, _winX, _winY
        .globl  _joyHeld, _joyPressed, _frames

JOYIGNORE = 0xCD6B
READY     = 0xDEF0
RNG_ADD   = 0xD3
RNG_SUB   = 0xD4
RNG_LO    = 0x90
RNG_HI    = 0x91
QUEUE     = 0xC000

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

        .area   _DATA
        .area   _BSS
        .area   _INITIALIZED
        .area   _INITIALIZER
        .area   _GSINIT
        .area   _GSFINAL
