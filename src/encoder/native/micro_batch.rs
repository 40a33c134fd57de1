//! How a batch is cut into portions: whole sequences, together about as many tokens as the caches
//! like. The cut changes speed only; no number depends on it.

/// Tokens that a portion should not exceed, unless one sequence does by itself.
const MICRO_BATCH_TOKENS: usize = 256;

/// Indexes of sequences, portion by portion, long sequences first so that threads finish together.
pub fn micro_batches(lengths: &[usize], threads: usize) -> Vec<Vec<usize>> {
    let total: usize = lengths.iter().sum();
    let fair_share = total.div_ceil(threads.max(1));
    let limit = MICRO_BATCH_TOKENS.min(fair_share);
    let mut order: Vec<usize> = (0..lengths.len()).collect();
    order.sort_by_key(|&i| std::cmp::Reverse(lengths[i]));
    let mut batches: Vec<Vec<usize>> = Vec::new();
    let mut filled = usize::MAX;
    for index in order {
        match batches.last_mut() {
            Some(portion) if filled + lengths[index] <= limit => {
                portion.push(index);
                filled += lengths[index];
            }
            _ => {
                batches.push(vec![index]);
                filled = lengths[index];
            }
        }
    }
    batches
}
