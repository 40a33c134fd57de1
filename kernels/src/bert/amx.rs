//! Eight-bit AMX tiles: 16 x 64 bytes by 64 x 16 bytes in one instruction.
//!
//! Stable Rust has no AMX intrinsics, so the instructions are inline assembly.
//! Instruction semantics: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2
//! (`TDPBUSD`, `TILELOADD`, `LDTILECFG`); permission: Linux `Documentation/arch/x86/xstate.rst`.
#![allow(unsafe_code)]

use std::{arch::asm, arch::x86_64::__cpuid_count, marker::PhantomData, sync::OnceLock};

use super::layout::{BandBlock, Int8TileOutput, PanelBlock, TILE_COLUMNS};

/// Whether the processor has eight-bit tiles and Linux permits this process to use them.
///
/// Permission is requested once, and is granted to all threads for the lifetime of the process.
pub(super) fn is_permitted() -> bool {
    static PERMITTED: OnceLock<bool> = OnceLock::new();
    *PERMITTED.get_or_init(|| cpu_has_int8_tiles() && request_permission())
}

/// CPUID leaf 7: bit 24 of EDX is AMX-TILE, bit 25 AMX-INT8.
fn cpu_has_int8_tiles() -> bool {
    const AMX_TILE_AND_INT8: u32 = 0b11 << 24;
    let highest_leaf = __cpuid_count(0, 0).eax;
    highest_leaf >= 7 && __cpuid_count(7, 0).edx & AMX_TILE_AND_INT8 == AMX_TILE_AND_INT8
}

/// Requests permission to use the tile registers: `arch_prctl(ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA)`.
#[cfg(target_os = "linux")]
fn request_permission() -> bool {
    const SYS_ARCH_PRCTL: i64 = 158;
    const ARCH_REQ_XCOMP_PERM: u64 = 0x1023;
    const XFEATURE_XTILEDATA: u64 = 18;
    let result: i64;
    // SAFETY: the system call reads no memory of this process; the registers that it overwrites
    // are declared.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") SYS_ARCH_PRCTL => result,
            in("rdi") ARCH_REQ_XCOMP_PERM,
            in("rsi") XFEATURE_XTILEDATA,
            out("rcx") _,
            out("r11") _,
            options(nostack),
        );
    }
    result == 0
}

/// Other operating systems are not supported.
#[cfg(not(target_os = "linux"))]
fn request_permission() -> bool {
    false
}

/// The memory form of a tile configuration, palette 1.
#[repr(C, align(64))]
struct TileConfig {
    palette: u8,
    start_row: u8,
    reserved: [u8; 14],
    row_bytes: [u16; 16],
    rows: [u8; 16],
}

/// Proof that the tiles of this thread are configured, all eight as 16 rows of 64 bytes, until it is
/// dropped.
pub(super) struct AmxTiles(PhantomData<*const ()>);

impl AmxTiles {
    /// Configures the tiles of this thread.
    ///
    /// # Safety
    ///
    /// [`is_permitted`] must have returned `true`.
    pub(super) unsafe fn configure() -> Self {
        let mut configuration = TileConfig {
            palette: 1,
            start_row: 0,
            reserved: [0; 14],
            row_bytes: [0; 16],
            rows: [0; 16],
        };
        configuration.row_bytes[..8].fill(64);
        configuration.rows[..8].fill(16);
        // SAFETY: tiles are permitted, and the structure has the 64 bytes of palette 1.
        unsafe {
            asm!("ldtilecfg [{}]", in(reg) &raw const configuration, options(nostack, readonly));
        }
        Self(PhantomData)
    }
}

impl Drop for AmxTiles {
    fn drop(&mut self) {
        // SAFETY: the value exists, so the tiles are permitted and configured.
        unsafe { asm!("tilerelease", options(nostack, nomem)) };
    }
}

/// Bytes of a tile: sixteen rows of a [`BandBlock`], or one [`PanelBlock`].
const TILE_BYTES: usize = 1024;
/// Bytes from one row of [`Int8TileOutput`] to the next.
const OUT_STRIDE: usize = 4 * TILE_COLUMNS;

impl AmxTiles {
    /// Computes an output tile of up to 32 rows by `P` panels of sixteen columns.
    ///
    /// # Panics
    ///
    /// If a panel does not have the depth of the band.
    #[inline]
    #[allow(clippy::unused_self)] // the proof that tiles are configured
    pub(super) fn tile<const P: usize>(
        &self,
        band: &[BandBlock<u8>],
        rows: usize,
        panels: [&[PanelBlock<i8>]; P],
        output: &mut Int8TileOutput,
    ) {
        // A step reads one block of the band and one block of each panel.
        let steps = band.len();
        let bands = rows.div_ceil(16);
        assert!(steps > 0 && (1..=2).contains(&bands));
        assert!(panels.iter().all(|panel| panel.len() == steps));
        let left: *const u8 = band.as_ptr().cast();
        let out = output.0.as_flattened_mut().as_mut_ptr();
        let panel = |i: usize| -> *const i8 { panels[i].as_ptr().cast() };
        // SAFETY: `self` exists, so tiles are configured on this thread. For every step, each call
        // reads sixteen or all 32 rows of a block of the band, and a block of each of its panels;
        // the slices have one block per step. It writes 16 columns per panel of the same rows of
        // `output`, which has 32 rows of 64 columns.
        unsafe {
            if P == 4 && bands == 1 {
                let panels = [panel(0), panel(1), panel(2), panel(3)];
                tile_1x4(left, panels, steps, out);
                return;
            }
            for first in (0..P - P % 2).step_by(2) {
                let (panels, out) = ([panel(first), panel(first + 1)], out.add(16 * first));
                if bands == 2 {
                    tile_2x2(left, panels, steps, out);
                } else {
                    tile_1x2(left, panels, steps, out);
                }
            }
            if P % 2 == 1 {
                for half in 0..bands {
                    let left = left.add(TILE_BYTES * half);
                    let out = out.add(16 * half * TILE_COLUMNS + 16 * (P - 1));
                    tile_1x1(left, panel(P - 1), steps, out);
                }
            }
        }
    }
}

/// Sixteen rows by one panel.
///
/// # Safety
///
/// As in [`AmxTiles::tile`]: tiles are configured, `steps` is not zero, `left` points to sixteen rows of
/// a [`BandBlock`] that is followed by `steps - 1` more, the panel has `steps` blocks, and `out` 16 rows
/// of [`OUT_STRIDE`] bytes.
#[inline]
unsafe fn tile_1x1(left: *const u8, panel: *const i8, steps: usize, out: *mut i32) {
    // SAFETY: the caller's guarantee covers every load and store.
    unsafe {
        asm!(
            "tilezero tmm0",
            "2:",
            "tileloadd tmm4, [{left} + {row} * 1]",
            "tileloadd tmm6, [{panel} + {row} * 1]",
            "add {left}, 2048",
            "add {panel}, 1024",
            "tdpbusd tmm0, tmm4, tmm6",
            "dec {steps}",
            "jnz 2b",
            "tilestored [{out} + {out_stride} * 1], tmm0",
            left = inout(reg) left => _,
            panel = inout(reg) panel => _,
            row = in(reg) 64_usize,
            steps = inout(reg) steps => _,
            out = in(reg) out,
            out_stride = in(reg) OUT_STRIDE,
            out("tmm0") _, out("tmm4") _, out("tmm6") _,
            options(nostack),
        );
    }
}

/// Sixteen rows by two panels.
///
/// # Safety
///
/// As [`tile_1x1`], for two panels.
#[inline]
unsafe fn tile_1x2(left: *const u8, panels: [*const i8; 2], steps: usize, out: *mut i32) {
    // SAFETY: the caller's guarantee covers every load and store.
    unsafe {
        asm!(
            "tilezero tmm0",
            "tilezero tmm1",
            "2:",
            "tileloadd tmm4, [{left} + {row} * 1]",
            "tileloadd tmm6, [{panel0} + {row} * 1]",
            "tileloadd tmm7, [{panel1} + {row} * 1]",
            "add {left}, 2048",
            "add {panel0}, 1024",
            "add {panel1}, 1024",
            "tdpbusd tmm0, tmm4, tmm6",
            "tdpbusd tmm1, tmm4, tmm7",
            "dec {steps}",
            "jnz 2b",
            "tilestored [{out} + {out_stride} * 1], tmm0",
            "tilestored [{out} + {out_stride} * 1 + 64], tmm1",
            left = inout(reg) left => _,
            panel0 = inout(reg) panels[0] => _,
            panel1 = inout(reg) panels[1] => _,
            row = in(reg) 64_usize,
            steps = inout(reg) steps => _,
            out = in(reg) out,
            out_stride = in(reg) OUT_STRIDE,
            out("tmm0") _, out("tmm1") _, out("tmm4") _, out("tmm6") _, out("tmm7") _,
            options(nostack),
        );
    }
}

/// Sixteen rows by four panels.
///
/// # Safety
///
/// As [`tile_1x1`], for four panels.
#[inline]
unsafe fn tile_1x4(left: *const u8, panels: [*const i8; 4], steps: usize, out: *mut i32) {
    // SAFETY: the caller's guarantee covers every load and store.
    unsafe {
        asm!(
            "tilezero tmm0",
            "tilezero tmm1",
            "tilezero tmm2",
            "tilezero tmm3",
            "2:",
            "tileloadd tmm4, [{left} + {row} * 1]",
            "tileloadd tmm5, [{panel0} + {row} * 1]",
            "tdpbusd tmm0, tmm4, tmm5",
            "tileloadd tmm6, [{panel1} + {row} * 1]",
            "tdpbusd tmm1, tmm4, tmm6",
            "tileloadd tmm7, [{panel2} + {row} * 1]",
            "tdpbusd tmm2, tmm4, tmm7",
            "tileloadd tmm5, [{panel3} + {row} * 1]",
            "tdpbusd tmm3, tmm4, tmm5",
            "add {left}, 2048",
            "add {panel0}, 1024",
            "add {panel1}, 1024",
            "add {panel2}, 1024",
            "add {panel3}, 1024",
            "dec {steps}",
            "jnz 2b",
            "tilestored [{out} + {out_stride} * 1], tmm0",
            "tilestored [{out} + {out_stride} * 1 + 64], tmm1",
            "tilestored [{out} + {out_stride} * 1 + 128], tmm2",
            "tilestored [{out} + {out_stride} * 1 + 192], tmm3",
            left = inout(reg) left => _,
            panel0 = inout(reg) panels[0] => _,
            panel1 = inout(reg) panels[1] => _,
            panel2 = inout(reg) panels[2] => _,
            panel3 = inout(reg) panels[3] => _,
            row = in(reg) 64_usize,
            steps = inout(reg) steps => _,
            out = in(reg) out,
            out_stride = in(reg) OUT_STRIDE,
            out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
            out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
            options(nostack),
        );
    }
}

/// Thirty-two rows by two panels: one load per product, the minimum with eight tiles.
///
/// # Safety
///
/// As [`tile_1x1`], for two panels, and 32 rows of `left` and `out`.
#[inline]
unsafe fn tile_2x2(left: *const u8, panels: [*const i8; 2], steps: usize, out: *mut i32) {
    // SAFETY: the caller's guarantee covers every load and store; row 16 is inside both.
    unsafe {
        let (lower, lower_out) = (left.add(TILE_BYTES), out.add(16 * TILE_COLUMNS));
        asm!(
            "tilezero tmm0",
            "tilezero tmm1",
            "tilezero tmm2",
            "tilezero tmm3",
            "2:",
            "tileloadd tmm4, [{left} + {row} * 1]",
            "tileloadd tmm6, [{panel0} + {row} * 1]",
            "tileloadd tmm7, [{panel1} + {row} * 1]",
            "tileloadd tmm5, [{lower} + {row} * 1]",
            "add {left}, 2048",
            "add {lower}, 2048",
            "add {panel0}, 1024",
            "add {panel1}, 1024",
            "tdpbusd tmm0, tmm4, tmm6",
            "tdpbusd tmm1, tmm4, tmm7",
            "tdpbusd tmm2, tmm5, tmm6",
            "tdpbusd tmm3, tmm5, tmm7",
            "dec {steps}",
            "jnz 2b",
            "tilestored [{out} + {out_stride} * 1], tmm0",
            "tilestored [{out} + {out_stride} * 1 + 64], tmm1",
            "tilestored [{lower_out} + {out_stride} * 1], tmm2",
            "tilestored [{lower_out} + {out_stride} * 1 + 64], tmm3",
            left = inout(reg) left => _,
            lower = inout(reg) lower => _,
            panel0 = inout(reg) panels[0] => _,
            panel1 = inout(reg) panels[1] => _,
            row = in(reg) 64_usize,
            steps = inout(reg) steps => _,
            out = in(reg) out,
            lower_out = in(reg) lower_out,
            out_stride = in(reg) OUT_STRIDE,
            out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
            out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
            options(nostack),
        );
    }
}
