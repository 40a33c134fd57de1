//! Repeats of rolling captions: each cue shows the line before once more above the new one.

use super::Cue;

/// The share of cues that begin with the last line of the one before, from which captions are rolling. In
/// others a line is repeated because it is said twice.
const MIN_ROLLING_PERCENT: usize = 25;

/// Removes lines that only roll on.
pub(super) fn without_repeats(mut cues: Vec<Cue>) -> Vec<Cue> {
    let pairs = cues.iter().zip(cues.iter().skip(1));
    let rolling = pairs
        .filter(|(before, cue)| !cue.lines.is_empty() && cue.lines.first() == before.lines.last())
        .count();
    if rolling * 100 < cues.len() * MIN_ROLLING_PERCENT {
        return cues;
    }
    let mut shown: Vec<String> = Vec::new();
    for cue in &mut cues {
        let overlap = (1..=shown.len().min(cue.lines.len()))
            .rev()
            .find(|length| shown.get(shown.len() - length..) == cue.lines.get(..*length));
        let before = std::mem::replace(&mut shown, cue.lines.clone());
        if let Some(overlap) = overlap {
            cue.lines.drain(..overlap);
        } else if before.len() == 1 && cue.lines.len() == 1 {
            // A line that grows word by word.
            let grown = cue.lines.first().zip(before.first());
            let tail = grown.and_then(|(now, before)| now.strip_prefix(before.as_str()));
            if let Some(tail) = tail.filter(|tail| tail.starts_with(' ')) {
                let tail = tail.trim().to_owned();
                cue.lines = vec![tail];
            }
        }
    }
    cues.retain(|cue| !cue.lines.is_empty());
    cues
}
