//! What the system says of our memory; only Linux says it.

use std::fs;

/// Runs something and gives the most memory that it held, in bytes above what was held before; none
/// where the system does not tell.
pub(super) fn peak_growth<T>(what: impl FnOnce() -> T) -> (T, Option<u64>) {
    // Makes the peak start again from now; proc(5).
    let before = fs::write("/proc/self/clear_refs", "5")
        .ok()
        .and_then(|()| status_bytes("VmRSS"));
    let result = what();
    let peak = status_bytes("VmHWM");
    let grown = before
        .zip(peak)
        .map(|(before, peak)| peak.saturating_sub(before));
    (result, grown)
}

/// A line of the process's status, which counts in KiB.
fn status_bytes(name: &str) -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: u64 = line
        .trim_start_matches(':')
        .trim()
        .strip_suffix("kB")?
        .trim()
        .parse()
        .ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn memory_that_is_touched_is_seen() {
        const SIZE: usize = 64 << 20;
        let (sum, grown) =
            peak_growth(|| vec![1_u8; SIZE].iter().map(|x| u64::from(*x)).sum::<u64>());
        assert_eq!(sum, SIZE as u64);
        // Where the peak cannot be set back there is nothing to see.
        assert!(
            grown.is_none_or(|bytes| bytes >= SIZE as u64 * 9 / 10),
            "{grown:?}"
        );
    }
}
