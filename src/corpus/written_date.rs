//! Dates as they are written in English: "February 24, 2009", "24 February 2009".

/// The months by their first letters.
const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];

/// Returns a written date as `2009-02-24`, or `2009-02` without a day; `None` if it is something else.
/// The day may not exist.
pub(super) fn to_iso(text: &str) -> Option<String> {
    let words: Vec<&str> = text
        .split([' ', ','])
        .filter(|word| !word.is_empty() && !word.ends_with("day"))
        .collect();
    let (day, month, year) = match words[..] {
        [day, month, year] if day.starts_with(|c: char| c.is_ascii_digit()) => {
            (Some(day), month, year)
        }
        [month, day, year] => (Some(day), month, year),
        [month, year] => (None, month, year),
        _ => return None,
    };
    let lower = month.to_lowercase();
    let month = MONTHS.iter().position(|name| lower.starts_with(name))? + 1;
    if year.len() != 4 || !year.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let Some(day) = day else {
        return Some(format!("{year}-{month:02}"));
    };
    let digits = day.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let day: u8 = digits.parse().ok()?;
    Some(format!("{year}-{month:02}-{day:02}"))
}

#[cfg(test)]
mod tests {
    use super::to_iso;

    #[test]
    fn written_dates_are_read() {
        for (text, iso) in [
            ("February 24, 2009", Some("2009-02-24")),
            ("Tuesday 6 January 2009", Some("2009-01-06")),
            ("May 4th, 1988", Some("1988-05-04")),
            ("Sept. 2015", Some("2015-09")),
            ("2015-10-23", None),
            ("the 5th of May", None),
            ("May 4, 88", None),
            ("", None),
        ] {
            assert_eq!(to_iso(text).as_deref(), iso, "{text}");
        }
    }
}
