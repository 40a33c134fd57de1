//! Divides a tile of a matrix product into register tiles.

/// A matrix product that can compute a part of its output with all sums in registers.
pub(super) trait TileKernel {
    /// Computes `R` rows by `W` panels from `row` and `panel` on.
    fn register_tile<const R: usize, const W: usize>(&mut self, row: usize, panel: usize);
}

/// The largest register tile of an instruction set.
#[allow(dead_code)] // each architecture uses some of them
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RegisterTile {
    /// Twelve rows by two panels.
    Tall,
    /// Six rows by four panels.
    Wide,
    /// Six rows by one panel.
    Narrow,
    /// Four rows by one panel.
    Short,
    /// Two rows by one panel.
    Small,
}

/// Covers `rows` rows and `P` panels with register tiles. If `may_overrun`, the last ones may exceed
/// `rows`, by up to a quarter of their height.
#[inline(always)]
pub(super) fn tile_output<const P: usize>(
    shape: RegisterTile,
    rows: usize,
    may_overrun: bool,
    to: &mut impl TileKernel,
) {
    let mut row = 0;
    while row < rows {
        let height = tile_height(shape, rows - row, may_overrun);
        let widest = match (shape, height) {
            (RegisterTile::Tall, 8..) => 2,
            (RegisterTile::Tall | RegisterTile::Wide, _) => 4,
            _ => 1,
        };
        let mut panel = 0;
        while panel < P {
            let width = match widest.min(P - panel) {
                3 => 2,
                width => width,
            };
            match (height, width) {
                (12, 2) => to.register_tile::<12, 2>(row, panel),
                (12, _) => to.register_tile::<12, 1>(row, panel),
                (8, 2) => to.register_tile::<8, 2>(row, panel),
                (8, _) => to.register_tile::<8, 1>(row, panel),
                (6, 4) => to.register_tile::<6, 4>(row, panel),
                (6, 2) => to.register_tile::<6, 2>(row, panel),
                (6, _) => to.register_tile::<6, 1>(row, panel),
                (4, 4) => to.register_tile::<4, 4>(row, panel),
                (4, 2) => to.register_tile::<4, 2>(row, panel),
                (4, _) => to.register_tile::<4, 1>(row, panel),
                (2, 4) => to.register_tile::<2, 4>(row, panel),
                (2, 2) => to.register_tile::<2, 2>(row, panel),
                (2, _) => to.register_tile::<2, 1>(row, panel),
                (_, 4) => to.register_tile::<1, 4>(row, panel),
                (_, 2) => to.register_tile::<1, 2>(row, panel),
                _ => to.register_tile::<1, 1>(row, panel),
            }
            panel += width;
        }
        row += height;
    }
}

/// Returns the height of the next register tile, with `left` rows remaining.
#[inline(always)]
fn tile_height(shape: RegisterTile, left: usize, may_overrun: bool) -> usize {
    match shape {
        RegisterTile::Tall => match left {
            // Twice eight rather than twelve and four.
            15 | 16 => 8,
            11.. => 12,
            7.. => 8,
            3.. => 4,
            other => other,
        },
        RegisterTile::Wide | RegisterTile::Narrow => match left {
            5 | 9 if may_overrun => 6,
            6 | 10.. => 6,
            3 if may_overrun => 4,
            4.. => 4,
            3 => 2,
            other => other,
        },
        RegisterTile::Short => match left {
            3 if may_overrun => 4,
            3 => 2,
            other => other.min(4),
        },
        RegisterTile::Small => left.min(2),
    }
}
