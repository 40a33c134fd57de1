//! Token sequences on which the ranges of activations are measured before quantization.
//!
//! The magnitude of an activation depends on its column far more than on the text (Xiao et al.,
//! arXiv:2211.10438), so random tokens are as good as real ones: on `MiniLM` they result in the same
//! fidelity as speeches, and they need no text, no tokenizer and no other file. A change of the
//! sequences changes `Int8` embeddings.

/// Number of sequences.
const SEQUENCE_COUNT: usize = 8;
/// Tokens of each, unless the model's maximum is less.
const TOKENS_PER_SEQUENCE: usize = 64;
/// The first and last token of a sequence in BERT's vocabularies; with other vocabularies any token will
/// do.
const CLS_TOKEN_ID: u32 = 101;
const SEP_TOKEN_ID: u32 = 102;

/// Returns sequences of pseudorandom ids below `vocabulary`, of at most `longest` tokens; the same on
/// every machine.
pub(super) fn calibration_sequences(vocabulary: usize, longest: usize) -> Vec<Vec<u32>> {
    let length = TOKENS_PER_SEQUENCE.min(longest);
    let vocabulary = u32::try_from(vocabulary).unwrap_or(u32::MAX);
    let mut state = 1_u32;
    // A linear congruential generator (Press et al., Numerical Recipes, section 7.1).
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) % vocabulary
    };
    let sequence = |_| {
        let mut ids: Vec<u32> = (0..length).map(|_| next()).collect();
        ids[0] = CLS_TOKEN_ID.min(vocabulary - 1);
        ids[length - 1] = SEP_TOKEN_ID.min(vocabulary - 1);
        ids
    };
    (0..SEQUENCE_COUNT).map(sequence).collect()
}
