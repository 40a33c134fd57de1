//! Eight-bit AMX tiles: 16 x 64 bytes by 64 x 16 bytes in one instruction.
//!
//! Stable Rust has no AMX intrinsics, so the few instructions are written as inline assembly.
//! Instruction semantics: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2
//! (`TDPBUSD`, `TILELOADD`, `LDTILECFG`); permission: Linux `Documentation/arch/x86/xstate.rst`.
#![allow(unsafe_code)]

use std::{arch::asm, arch::x86_64::__cpuid_count, marker::PhantomData, sync::OnceLock};

use super::int8::{TILE_COLUMNS, TileInput, TileOutput};

/// Whether the processor has eight-bit tiles and Linux lets this process use them.
///
/// The question is put to the kernel once; a yes holds for all threads, now and later.
pub fn permitted() -> bool {
    static PERMITTED: OnceLock<bool> = OnceLock::new();
    *PERMITTED.get_or_init(|| has_tiles() && request_permission())
}

/// CPUID leaf 7: bit 24 of EDX is AMX-TILE, bit 25 AMX-INT8.
fn has_tiles() -> bool {
    const AMX_TILE_AND_INT8: u32 = 0b11 << 24;
    let highest_leaf = __cpuid_count(0, 0).eax;
    highest_leaf >= 7 && __cpuid_count(7, 0).edx & AMX_TILE_AND_INT8 == AMX_TILE_AND_INT8
}

/// Asks Linux for the tile registers: `arch_prctl(ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA)`.
#[cfg(target_os = "linux")]
fn request_permission() -> bool {
    const SYS_ARCH_PRCTL: i64 = 158;
    const ARCH_REQ_XCOMP_PERM: u64 = 0x1023;
    const XFEATURE_XTILEDATA: u64 = 18;
    let answer: i64;
    // SAFETY: the system call reads no memory of ours; the registers it overwrites are declared.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") SYS_ARCH_PRCTL => answer,
            in("rdi") ARCH_REQ_XCOMP_PERM,
            in("rsi") XFEATURE_XTILEDATA,
            out("rcx") _,
            out("r11") _,
            options(nostack),
        );
    }
    answer == 0
}

/// No other operating system is known to grant tiles this way.
#[cfg(not(target_os = "linux"))]
fn request_permission() -> bool {
    false
}

/// The memory form of a tile configuration, palette 1.
#[repr(C, align(64))]
struct Configuration {
    palette: u8,
    start_row: u8,
    reserved: [u8; 14],
    row_bytes: [u16; 16],
    rows: [u8; 16],
}

/// Tiles configured on this thread, all eight of them 16 rows of 64 bytes, until it is dropped.
pub struct Tiles(PhantomData<*const ()>);

impl Tiles {
    /// Configures the tiles of this thread.
    ///
    /// # Safety
    ///
    /// [`permitted`] must have said yes.
    pub unsafe fn configure() -> Self {
        let mut configuration = Configuration {
            palette: 1,
            start_row: 0,
            reserved: [0; 14],
            row_bytes: [0; 16],
            rows: [0; 16],
        };
        configuration.row_bytes[..8].fill(64);
        configuration.rows[..8].fill(16);
        // SAFETY: tiles are permitted, and the structure has the 64 bytes that palette 1 wants.
        unsafe {
            asm!("ldtilecfg [{}]", in(reg) &raw const configuration, options(nostack, readonly));
        }
        Self(PhantomData)
    }
}

impl Drop for Tiles {
    fn drop(&mut self) {
        // SAFETY: the value exists, so tiles are permitted and configured.
        unsafe { asm!("tilerelease", options(nostack, nomem)) };
    }
}

/// Bytes of a tile, and from one block of a panel to the next.
const BLOCK: usize = 1024;
/// Bytes from one row of [`TileOutput`] to the next.
const OUT_STRIDE: usize = 4 * TILE_COLUMNS;

/// One output tile of up to 32 rows by `P` panels of 16 columns.
///
/// # Safety
///
/// A [`Tiles`] must be alive on this thread.
#[inline]
pub unsafe fn tile<const P: usize>(input: &TileInput<'_, P>, output: &mut TileOutput) {
    let steps = input.depth / 64;
    let bands = input.rows.div_ceil(16);
    // What the loads below touch: whole bands of 16 rows, `steps` blocks of each panel.
    assert!(steps > 0 && (1..=2).contains(&bands));
    assert!(input.left.len() >= (16 * bands - 1) * input.left_stride + steps * 64);
    assert!(
        input
            .panels
            .iter()
            .all(|panel| panel.len() == steps * BLOCK)
    );
    let left = input.left.as_ptr();
    let out = output.0.as_flattened_mut().as_mut_ptr();
    let panel = |i: usize| input.panels[i].as_ptr();
    // SAFETY: tiles are configured. Each call reads, for every step, 64 bytes of 16 rows of a band
    // and a block of the panels it is given, all inside the lengths asserted above, and writes
    // 16 columns for each panel of the band's 16 rows in `output`, which has 32 rows of 64.
    unsafe {
        if P == 4 && bands == 1 {
            let panels = [panel(0), panel(1), panel(2), panel(3)];
            one_by_four(left, input.left_stride, panels, steps, out);
            return;
        }
        for first in (0..P - P % 2).step_by(2) {
            let (panels, out) = ([panel(first), panel(first + 1)], out.add(16 * first));
            if bands == 2 {
                two_by_two(left, input.left_stride, panels, steps, out);
            } else {
                one_by_two(left, input.left_stride, panels, steps, out);
            }
        }
        if P % 2 == 1 {
            for band in 0..bands {
                let left = left.add(16 * band * input.left_stride);
                let out = out.add(16 * band * TILE_COLUMNS + 16 * (P - 1));
                one_by_one(left, input.left_stride, panel(P - 1), steps, out);
            }
        }
    }
}

/// Sixteen rows by one panel.
///
/// # Safety
///
/// As in [`tile`]: tiles are configured, `steps` is not zero, `left` has 16 rows of `64 * steps`
/// bytes, the panel `steps` blocks, `out` 16 rows of [`OUT_STRIDE`] bytes.
#[inline]
unsafe fn one_by_one(
    left: *const u8,
    stride: usize,
    panel: *const i8,
    steps: usize,
    out: *mut i32,
) {
    // SAFETY: the caller's promise covers every load and store.
    unsafe {
        asm!(
            "tilezero tmm0",
            "2:",
            "tileloadd tmm4, [{left} + {stride} * 1]",
            "tileloadd tmm6, [{panel} + {block_stride} * 1]",
            "add {left}, 64",
            "add {panel}, 1024",
            "tdpbusd tmm0, tmm4, tmm6",
            "dec {steps}",
            "jnz 2b",
            "tilestored [{out} + {out_stride} * 1], tmm0",
            left = inout(reg) left => _,
            stride = in(reg) stride,
            panel = inout(reg) panel => _,
            block_stride = in(reg) 64_usize,
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
/// As [`one_by_one`], for two panels.
#[inline]
unsafe fn one_by_two(
    left: *const u8,
    stride: usize,
    panels: [*const i8; 2],
    steps: usize,
    out: *mut i32,
) {
    // SAFETY: the caller's promise covers every load and store.
    unsafe {
        asm!(
            "tilezero tmm0",
            "tilezero tmm1",
            "2:",
            "tileloadd tmm4, [{left} + {stride} * 1]",
            "tileloadd tmm6, [{panel0} + {block_stride} * 1]",
            "tileloadd tmm7, [{panel1} + {block_stride} * 1]",
            "add {left}, 64",
            "add {panel0}, 1024",
            "add {panel1}, 1024",
            "tdpbusd tmm0, tmm4, tmm6",
            "tdpbusd tmm1, tmm4, tmm7",
            "dec {steps}",
            "jnz 2b",
            "tilestored [{out} + {out_stride} * 1], tmm0",
            "tilestored [{out} + {out_stride} * 1 + 64], tmm1",
            left = inout(reg) left => _,
            stride = in(reg) stride,
            panel0 = inout(reg) panels[0] => _,
            panel1 = inout(reg) panels[1] => _,
            block_stride = in(reg) 64_usize,
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
/// As [`one_by_one`], for four panels.
#[inline]
unsafe fn one_by_four(
    left: *const u8,
    stride: usize,
    panels: [*const i8; 4],
    steps: usize,
    out: *mut i32,
) {
    // SAFETY: the caller's promise covers every load and store.
    unsafe {
        asm!(
            "tilezero tmm0",
            "tilezero tmm1",
            "tilezero tmm2",
            "tilezero tmm3",
            "2:",
            "tileloadd tmm4, [{left} + {stride} * 1]",
            "tileloadd tmm5, [{panel0} + {block_stride} * 1]",
            "tdpbusd tmm0, tmm4, tmm5",
            "tileloadd tmm6, [{panel1} + {block_stride} * 1]",
            "tdpbusd tmm1, tmm4, tmm6",
            "tileloadd tmm7, [{panel2} + {block_stride} * 1]",
            "tdpbusd tmm2, tmm4, tmm7",
            "tileloadd tmm5, [{panel3} + {block_stride} * 1]",
            "tdpbusd tmm3, tmm4, tmm5",
            "add {left}, 64",
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
            stride = in(reg) stride,
            panel0 = inout(reg) panels[0] => _,
            panel1 = inout(reg) panels[1] => _,
            panel2 = inout(reg) panels[2] => _,
            panel3 = inout(reg) panels[3] => _,
            block_stride = in(reg) 64_usize,
            steps = inout(reg) steps => _,
            out = in(reg) out,
            out_stride = in(reg) OUT_STRIDE,
            out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
            out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
            options(nostack),
        );
    }
}

/// Thirty-two rows by two panels: one load for each product, the least that eight tiles allow.
///
/// # Safety
///
/// As [`one_by_one`], for two panels, and 32 rows of `left` and `out`.
#[inline]
unsafe fn two_by_two(
    left: *const u8,
    stride: usize,
    panels: [*const i8; 2],
    steps: usize,
    out: *mut i32,
) {
    // SAFETY: the caller's promise covers every load and store; row 16 is inside both.
    unsafe {
        let (lower, lower_out) = (left.add(16 * stride), out.add(16 * TILE_COLUMNS));
        asm!(
            "tilezero tmm0",
            "tilezero tmm1",
            "tilezero tmm2",
            "tilezero tmm3",
            "2:",
            "tileloadd tmm4, [{left} + {stride} * 1]",
            "tileloadd tmm6, [{panel0} + {block_stride} * 1]",
            "tileloadd tmm7, [{panel1} + {block_stride} * 1]",
            "tileloadd tmm5, [{lower} + {stride} * 1]",
            "add {left}, 64",
            "add {lower}, 64",
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
            stride = in(reg) stride,
            panel0 = inout(reg) panels[0] => _,
            panel1 = inout(reg) panels[1] => _,
            block_stride = in(reg) 64_usize,
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
