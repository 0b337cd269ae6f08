        .module marks
        .area   _CODE

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
