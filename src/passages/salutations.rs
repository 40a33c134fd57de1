//! Salutations: lines that address the audience.

use super::line_ends::first_significant_char;

/// Words for addressees of a speech.
const SALUTATION_WORDS: [&str; 41] = [
    "ambassadors",
    "audience",
    "brothers",
    "chair",
    "chairman",
    "chairperson",
    "citizens",
    "colleagues",
    "compatriots",
    "delegates",
    "delegations",
    "excellences",
    "excellencies",
    "excellency",
    "friends",
    "gentlemen",
    "government",
    "guests",
    "highness",
    "highnesses",
    "honourable",
    "ladies",
    "leaders",
    "madam",
    "majesties",
    "majesty",
    "members",
    "minister",
    "ministers",
    "mister",
    "mr",
    "mrs",
    "ms",
    "participants",
    "president",
    "representatives",
    "secretary",
    "sir",
    "sirs",
    "sisters",
    "states",
];

/// Returns whether a line addresses the audience.
pub(super) fn is_salutation(text: &str) -> bool {
    let end = text.chars().next_back();
    if end == Some('?') || first_significant_char(text).is_some_and(char::is_lowercase) {
        return false;
    }
    if matches!(end, Some(',' | ';')) && text.split(' ').count() <= 6 {
        return true;
    }
    let mut words = 0_usize;
    let mut addressees = 0_usize;
    for word in text.split([' ', '-']) {
        let word = word
            .trim_matches(|c: char| !c.is_alphanumeric())
            .to_lowercase();
        if word.chars().count() > 3 || SALUTATION_WORDS.contains(&word.as_str()) {
            words += 1;
            addressees += usize::from(SALUTATION_WORDS.contains(&word.as_str()));
        }
    }
    // "Mr. President of the 79th Session of the General Assembly," is a salutation; "I thank the President." is not.
    let comma = matches!(end, Some(',' | ';' | ':'));
    addressees > 0 && (addressees * 2 >= words || comma && addressees * 5 >= words)
}
