//! Dates of reduced precision: archives sometimes know only the year or the month.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::canonical::{Canonical, CanonicalBytes};

/// An ISO 8601 date of reduced precision: `2015`, `2015-10` or `2015-10-23`.
///
/// Always a date that exists, in the years 0001 to 9999. Ordered by its first day; of two that
/// start on the same day the less precise comes first (`2015` < `2015-01` < `2015-01-01`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct PartialDate {
    // The derived order is the documented one because `None` sorts before `Some`.
    year: i16,
    month: Option<i8>,
    day: Option<i8>,
}

/// A text that is not a valid date.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a date such as 2015, 2015-10 or 2015-10-23, received {received:?}: {problem}")]
pub struct DateError {
    /// The text, shortened.
    pub received: String,
    /// Why it is invalid.
    pub problem: &'static str,
}

impl PartialDate {
    /// Returns the year, 1 to 9999.
    #[must_use]
    pub fn year(&self) -> i16 {
        self.year
    }

    /// Returns the month, 1 to 12, if known.
    #[must_use]
    pub fn month(&self) -> Option<i8> {
        self.month
    }

    /// Returns the day of the month, if known; there is no day without a month.
    #[must_use]
    pub fn day(&self) -> Option<i8> {
        self.day
    }

    /// Returns the first day of the period: 2015-01-01 for `2015`.
    ///
    /// Days compare as days, and their `Display` (`2015-01-01`) sorts as text in the same order.
    #[must_use]
    pub fn first_day(&self) -> Date {
        self.civil_date(self.month.unwrap_or(1), self.day.unwrap_or(1))
    }

    /// Returns the last day of the period: 2016-02-29 for `2016-02`.
    #[must_use]
    pub fn last_day(&self) -> Date {
        match self.day {
            Some(_) => self.first_day(),
            None => self.civil_date(self.month.unwrap_or(12), 1).last_of_month(),
        }
    }

    /// The day exists by construction; the fallback only avoids a panic.
    fn civil_date(self, month: i8, day: i8) -> Date {
        Date::new(self.year, month, day).unwrap_or_default()
    }
}

impl FromStr for PartialDate {
    type Err = DateError;

    fn from_str(text: &str) -> Result<Self, DateError> {
        let fail = |problem| DateError {
            received: text.chars().take(60).collect(),
            problem,
        };
        let mut parts = text.split('-');
        let year =
            parse_digits(parts.next(), 4).ok_or_else(|| fail("the year needs four digits"))?;
        if year == 0 {
            return Err(fail("the year 0000 does not exist"));
        }
        let (month, day) = match (parts.next(), parts.next(), parts.next()) {
            (None, ..) => (None, None),
            (month, day, None) => {
                let month =
                    parse_two_digits(month).ok_or_else(|| fail("the month needs two digits"))?;
                let day = match day {
                    None => None,
                    day => Some(
                        parse_two_digits(day).ok_or_else(|| fail("the day needs two digits"))?,
                    ),
                };
                (Some(month), day)
            }
            _ => return Err(fail("it has more than three parts")),
        };
        if month.is_some_and(|month| !(1..=12).contains(&month)) {
            return Err(fail("months run from 01 to 12"));
        }
        Date::new(year, month.unwrap_or(1), day.unwrap_or(1)).map_err(|_| fail("no such day"))?;
        Ok(Self { year, month, day })
    }
}

/// Parses exactly `width` ASCII digits; `parse` alone would accept `+15`.
fn parse_digits(part: Option<&str>, width: usize) -> Option<i16> {
    let part = part?;
    let plain = part.len() == width && part.bytes().all(|byte| byte.is_ascii_digit());
    if plain { part.parse().ok() } else { None }
}

fn parse_two_digits(part: Option<&str>) -> Option<i8> {
    parse_digits(part, 2).and_then(|number| i8::try_from(number).ok())
}

impl Canonical for PartialDate {
    fn write_canonical(&self, bytes: &mut CanonicalBytes) {
        let Self { year, month, day } = *self;
        bytes
            .put(&i64::from(year))
            .put(&month.map(i64::from))
            .put(&day.map(i64::from));
    }
}

impl fmt::Display for PartialDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}", self.year)?;
        for part in [self.month, self.day].into_iter().flatten() {
            write!(f, "-{part:02}")?;
        }
        Ok(())
    }
}

impl TryFrom<String> for PartialDate {
    type Error = DateError;

    fn try_from(text: String) -> Result<Self, DateError> {
        text.parse()
    }
}

impl From<PartialDate> for String {
    fn from(date: PartialDate) -> Self {
        date.to_string()
    }
}
