//! The kernels of `antiphon` and their tests, without the rest of the crate.
#![allow(dead_code, unused_imports)] // what only the rest of the crate uses

#[path = "../../../src/cpu_features.rs"]
mod cpu_features;

// The paths within are relative to this file's folder.
#[path = "."]
mod encoder {
    #[path = "../../../src/encoder/kernels/mod.rs"]
    pub mod kernels;
}

#[path = "."]
mod index {
    #[path = "../../../src/index/kernels/mod.rs"]
    mod kernels;
}

#[cfg(test)]
mod tests {
    use super::encoder::kernels::Isa;

    /// The paths that the emulated processor has are those for which it was chosen.
    #[test]
    fn the_expected_paths_are_tested() {
        let Ok(expected) = std::env::var("EXPECTED_KERNELS") else {
            return;
        };
        let available: Vec<_> = Isa::available().iter().map(|isa| isa.name()).collect();
        assert_eq!(available.join(" "), expected);
    }
}
