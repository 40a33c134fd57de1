//! The commit that the program is built from.

/// Number of digits of a commit.
const DIGITS: usize = 12;

/// The first hexadecimal digits of the commit; `unknown` if the program was built outside of a checkout
/// and without the variable `BUILD_COMMIT`.
///
/// The variable is not called `ANTIPHON_…`, since a program started by cargo would read that as a setting.
pub(crate) const COMMIT: &str = match option_env!("BUILD_COMMIT") {
    Some(commit) if is_name(commit.as_bytes()) => commit,
    _ => match &FROM_GIT {
        Some(digits) => as_text(digits),
        None => UNKNOWN,
    },
};

const UNKNOWN: &str = "unknown";

/// Copied out of the reflog, so that the program contains nothing else of it.
const FROM_GIT: Option<[u8; DIGITS]> = last_commit(include_bytes!(env!("GIT_REFLOG")));

/// Returns the commit after the last line of a reflog: `BEFORE AFTER NAME <ADDRESS> TIME\tMESSAGE`.
const fn last_commit(reflog: &[u8]) -> Option<[u8; DIGITS]> {
    let mut end = reflog.len();
    while end > 0 && reflog[end - 1] == b'\n' {
        end -= 1;
    }
    let mut at = end;
    while at > 0 && reflog[at - 1] != b'\n' {
        at -= 1;
    }
    while at < end && reflog[at] != b' ' {
        at += 1;
    }
    let mut digits = [0; DIGITS];
    let mut n = 0;
    while n < DIGITS {
        at += 1;
        if at >= end || !reflog[at].is_ascii_hexdigit() {
            return None;
        }
        digits[n] = reflog[at];
        n += 1;
    }
    Some(digits)
}

const fn is_name(commit: &[u8]) -> bool {
    let mut n = 0;
    while n < commit.len() {
        if !commit[n].is_ascii_alphanumeric() {
            return false;
        }
        n += 1;
    }
    n > 0
}

const fn as_text(digits: &[u8]) -> &str {
    match str::from_utf8(digits) {
        Ok(text) => text,
        Err(_) => UNKNOWN,
    }
}

#[cfg(test)]
mod tests {
    use super::{is_name, last_commit};

    const BEFORE: &str = "0123456789abcdef0123456789abcdef01234567";
    const AFTER: &str = "89abcdef0123456789abcdef0123456789abcdef";

    #[test]
    fn the_last_line_of_a_reflog_names_the_commit() {
        let line =
            |from: &str, to: &str| format!("{from} {to} A Name <a@b.c> 1 +0000\tcommit: x\n");
        let reflog = line(AFTER, BEFORE) + &line(BEFORE, AFTER);
        assert_eq!(last_commit(reflog.as_bytes()), Some(*b"89abcdef0123"));
        assert_eq!(
            last_commit(reflog.trim_end().as_bytes()),
            Some(*b"89abcdef0123")
        );
    }

    #[test]
    fn a_reflog_without_a_commit_names_none() {
        for reflog in ["", "\n", " ", "  \n", "x", "0123 4567", "0123 4567 89ab"] {
            assert_eq!(last_commit(reflog.as_bytes()), None, "{reflog:?}");
        }
    }

    #[test]
    fn names_of_commits_are_letters_and_digits() {
        assert!(is_name(b"v1") && is_name(b"0a"));
        assert!(!is_name(b"") && !is_name(b"a b") && !is_name(b"$(git)"));
    }
}
