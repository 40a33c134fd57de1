//! Memory of this process, as Linux reports it.

use std::fs;

/// Runs `task` and returns the growth of peak memory in bytes; `None` on systems that do not report it.
pub(super) fn peak_growth<T>(task: impl FnOnce() -> T) -> (T, Option<u64>) {
    // Resets the peak, see proc(5).
    let before = fs::write("/proc/self/clear_refs", "5")
        .ok()
        .and_then(|()| status_bytes("VmRSS"));
    let result = task();
    let peak = peak_bytes();
    let grown = before
        .zip(peak)
        .map(|(before, peak)| peak.saturating_sub(before));
    (result, grown)
}

/// Returns the peak memory of this process so far.
pub(super) fn peak_bytes() -> Option<u64> {
    status_bytes("VmHWM")
}

/// Reads a line of the process's status, which is in KiB.
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
    fn touched_memory_is_measured() {
        const SIZE: usize = 256 << 20;
        let (sum, grown) =
            peak_growth(|| vec![1_u8; SIZE].iter().map(|x| u64::from(*x)).sum::<u64>());
        assert_eq!(sum, SIZE as u64);
        // Other tests may free memory meanwhile.
        let grown = grown.unwrap();
        assert!(grown >= SIZE as u64 / 2, "{grown}");
    }
}
