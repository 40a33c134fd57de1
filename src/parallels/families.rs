//! The same statement in many speeches.

use std::collections::{BTreeMap, HashMap};

use crate::engine::Catalogue;
use crate::search::{date_of, is_field, known_fields, values_of};

use super::{EQUIVALENT, Pair, ParallelsError, Survey, Thresholds};

/// How pairs become families.
#[derive(Debug, Clone, PartialEq)]
pub struct FamilyOptions {
    /// Pairs of at least this confidence bring families together.
    pub min_confidence: f32,
    /// Every two members are alike with at least this confidence: so a chain of small steps does not
    /// lead from one statement to another.
    pub cohesion: f32,
    /// Families of fewer members are left out.
    pub min_members: usize,
    /// Fields whose values are counted in each family.
    pub fields: Vec<String>,
}

impl Default for FamilyOptions {
    fn default() -> Self {
        Self {
            min_confidence: 0.8,
            cohesion: 0.3,
            min_members: 3,
            fields: vec!["speaker".to_owned(), "country".to_owned()],
        }
    }
}

impl FamilyOptions {
    /// Refuses what is out of range.
    ///
    /// # Errors
    ///
    /// Names the value at fault and its range.
    pub fn check(&self) -> Result<(), ParallelsError> {
        let wrong = |name, expected: String, received: String| {
            Err(ParallelsError::Parameter {
                name,
                expected,
                received,
            })
        };
        let sure = EQUIVALENT..=1.0;
        if !sure.contains(&self.cohesion) {
            let expected = format!("{EQUIVALENT} to 1");
            return wrong("cohesion", expected, self.cohesion.to_string());
        }
        if !(self.cohesion..=1.0).contains(&self.min_confidence) {
            let expected = format!("{} (cohesion) to 1", self.cohesion);
            return wrong("min_confidence", expected, self.min_confidence.to_string());
        }
        if self.min_members < 2 {
            return wrong(
                "min_members",
                "at least 2".to_owned(),
                self.min_members.to_string(),
            );
        }
        Ok(())
    }

    /// Refuses fields that no document has.
    ///
    /// # Errors
    ///
    /// Names the field, and those that there are.
    pub fn check_fields(&self, catalogue: &Catalogue) -> Result<(), ParallelsError> {
        let unknown = self.fields.iter().find(|field| !is_field(field, catalogue));
        match unknown {
            None => Ok(()),
            Some(field) => Err(ParallelsError::UnknownField {
                at: "fields",
                received: field.clone(),
                known: known_fields(catalogue),
            }),
        }
    }

    /// What pairs must have that families are made of: the cohesion, and no more.
    #[must_use]
    pub fn thresholds(&self) -> Thresholds {
        Thresholds {
            min_confidence: self.cohesion,
            min_margin: 0.0,
            ..Thresholds::default()
        }
    }
}

/// The families of a corpus.
#[derive(Debug, Clone, Default)]
pub struct Families {
    /// The largest first; of equals the most alike.
    pub families: Vec<Family>,
    /// Families that were left out because they are too small.
    pub small: usize,
}

/// One statement, made again and again.
#[derive(Debug, Clone)]
pub struct Family {
    /// The member that is most like the others: its row.
    pub representative: u32,
    /// Its members in order of date, those without one last; each stands in another document.
    pub members: Vec<Member>,
    /// How many of them were the first: those of the earliest date. 0 where no date is known.
    pub first: usize,
    /// The least confidence between any two members.
    pub least: f32,
    /// The mean confidence between two members.
    pub mean: f32,
    /// Who and where, as far as it is known.
    pub spread: Vec<Spread>,
    /// Members by year.
    pub years: BTreeMap<i16, usize>,
}

/// A passage of a family.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Member {
    /// Its row.
    pub row: u32,
    /// How alike it is to the representative; 1 for the representative itself.
    pub confidence: f32,
}

/// Values of a field among the members of a family.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spread {
    /// The field.
    pub field: String,
    /// Each value with the members that have it, the most frequent first.
    pub values: Vec<(String, usize)>,
}

/// Gathers pairs into families by complete linkage: the surest pair first, two groups become one only
/// if every member of one is like every member of the other. The pairs must be all those of at least
/// the cohesion; their order does not matter.
///
/// # Errors
///
/// If a pair belongs to another snapshot.
pub fn families(
    survey: &Survey,
    pairs: &[Pair],
    options: &FamilyOptions,
) -> Result<Families, ParallelsError> {
    let catalogue = survey.snapshot().catalogue();
    let alike: HashMap<(u32, u32), f32> = pairs
        .iter()
        .filter(|pair| pair.confidence >= options.cohesion)
        .map(|pair| (key(pair.source, pair.target), pair.confidence))
        .collect();
    let mut seeds: Vec<&Pair> = pairs
        .iter()
        .filter(|pair| pair.confidence >= options.min_confidence)
        .collect();
    let ordered = |pair: &Pair| match catalogue.compare(pair.source, pair.target) {
        std::cmp::Ordering::Greater => (pair.target, pair.source),
        _ => (pair.source, pair.target),
    };
    seeds.sort_by(|a, b| {
        let (x, y) = (ordered(a), ordered(b));
        b.confidence
            .total_cmp(&a.confidence)
            .then_with(|| catalogue.compare(x.0, y.0))
            .then_with(|| catalogue.compare(x.1, y.1))
    });
    let mut groups = Groups::default();
    for seed in seeds {
        groups.join(seed.source, seed.target, &alike);
    }
    let mut found = Families::default();
    for rows in groups.rows.into_iter().filter(|rows| rows.len() > 1) {
        if rows.len() < options.min_members {
            found.small += 1;
        } else {
            found.families.push(family(survey, rows, &alike, options)?);
        }
    }
    found.families.sort_by(|a, b| {
        (b.members.len().cmp(&a.members.len()))
            .then_with(|| b.mean.total_cmp(&a.mean))
            .then_with(|| catalogue.compare(a.representative, b.representative))
    });
    Ok(found)
}

fn key(a: u32, b: u32) -> (u32, u32) {
    (a.min(b), a.max(b))
}

/// Rows, each in one group.
#[derive(Default)]
struct Groups {
    rows: Vec<Vec<u32>>,
    group_of: HashMap<u32, usize>,
}

impl Groups {
    /// Makes the groups of two rows one, if all their members are alike.
    fn join(&mut self, a: u32, b: u32, alike: &HashMap<(u32, u32), f32>) {
        let (a, b) = (self.group(a), self.group(b));
        let (kept, gone) = (a.min(b), a.max(b));
        if kept == gone {
            return;
        }
        let mut pairs = self.rows[kept]
            .iter()
            .flat_map(|x| self.rows[gone].iter().map(move |y| key(*x, *y)));
        if pairs.all(|pair| alike.contains_key(&pair)) {
            let moved = std::mem::take(&mut self.rows[gone]);
            for row in &moved {
                self.group_of.insert(*row, kept);
            }
            self.rows[kept].extend(moved);
        }
    }

    fn group(&mut self, row: u32) -> usize {
        let next = self.rows.len();
        let group = *self.group_of.entry(row).or_insert(next);
        if group == next {
            self.rows.push(vec![row]);
        }
        group
    }
}

fn family(
    survey: &Survey,
    rows: Vec<u32>,
    alike: &HashMap<(u32, u32), f32>,
    options: &FamilyOptions,
) -> Result<Family, ParallelsError> {
    let catalogue = survey.snapshot().catalogue();
    let confidence = |a: u32, b: u32| alike.get(&key(a, b)).copied().unwrap_or(0.0);
    let mut rows = rows;
    rows.sort_by(|a, b| catalogue.compare(*a, *b));
    let (mut least, mut sum) = (1.0_f32, 0.0_f32);
    let mut representative = (f32::MIN, rows[0]);
    for row in &rows {
        let others = rows.iter().filter(|other| *other != row);
        let mut own = 0.0;
        for other in others {
            let alike = confidence(*row, *other);
            least = least.min(alike);
            own += alike;
        }
        sum += own;
        if own > representative.0 {
            representative = (own, *row);
        }
    }
    let representative = representative.1;
    let mut dated = Vec::with_capacity(rows.len());
    for row in &rows {
        let document = catalogue.document_of(*row);
        let document = document.ok_or(ParallelsError::OtherSnapshot)?;
        dated.push((date_of(document), *row, document));
    }
    // Stable: of one date in the order of ids.
    dated.sort_by_key(|(date, ..)| (date.is_none(), *date));
    let earliest = dated.first().and_then(|(date, ..)| *date);
    let first = dated
        .iter()
        .filter(|(date, ..)| earliest.is_some() && *date == earliest);
    let mut years = BTreeMap::new();
    for date in dated.iter().filter_map(|(date, ..)| *date) {
        *years.entry(date.year()).or_default() += 1;
    }
    let spread = |field: &String| {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for (.., document) in &dated {
            for value in values_of(document, field) {
                *counts.entry(value).or_default() += 1;
            }
        }
        let mut values: Vec<(String, usize)> = counts.into_iter().collect();
        values.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        Spread {
            field: field.clone(),
            values,
        }
    };
    #[allow(clippy::cast_precision_loss)] // a mean
    let mean = sum / (rows.len() * (rows.len() - 1)) as f32;
    Ok(Family {
        representative,
        first: first.count(),
        least,
        mean,
        spread: options.fields.iter().map(spread).collect(),
        years,
        members: dated
            .iter()
            .map(|(_, row, _)| Member {
                row: *row,
                confidence: if *row == representative {
                    1.0
                } else {
                    confidence(*row, representative)
                },
            })
            .collect(),
    })
}
