//! Splits a batch into micro-batches: whole sequences, with about as many tokens as fit into the caches.
//! The split affects the speed only, not the results.

/// Maximum number of tokens of a micro-batch, unless a single sequence exceeds it.
const MICRO_BATCH_TOKENS: usize = 256;

/// Returns the indexes of the sequences of each micro-batch, long sequences first, so that threads
/// finish at about the same time.
pub(super) fn micro_batches(lengths: &[usize], threads: usize) -> Vec<Vec<usize>> {
    let total: usize = lengths.iter().sum();
    let fair_share = total.div_ceil(threads.max(1));
    let limit = MICRO_BATCH_TOKENS.min(fair_share);
    let mut order: Vec<usize> = (0..lengths.len()).collect();
    order.sort_by_key(|&i| std::cmp::Reverse(lengths[i]));
    let mut batches: Vec<Vec<usize>> = Vec::new();
    let mut batch_tokens = usize::MAX;
    for index in order {
        match batches.last_mut() {
            Some(batch) if batch_tokens + lengths[index] <= limit => {
                batch.push(index);
                batch_tokens += lengths[index];
            }
            _ => {
                batches.push(vec![index]);
                batch_tokens = lengths[index];
            }
        }
    }
    batches
}
